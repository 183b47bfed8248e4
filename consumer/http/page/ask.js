/** Questions to the worker, with the token where it asks for one. */

const TOKEN = 'glossier token';

let refused = () => {};

/** @param told whether the token was wrong, or missing */
export function onRefused(told) {
  refused = told;
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

/** What the worker answers, or null. */
export async function ask(what) {
  const token = sessionStorage.getItem(TOKEN);
  try {
    const response = await fetch(what, {
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(20_000),
    });
    if (response.status === 401) {
      sessionStorage.removeItem(TOKEN);
      refused(token !== null);
    }
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
