/** Answers that many may ask for and few are computed of. */

/**
 * What `read` gives, asked at most once in so many milliseconds and never twice at once, however many ask. A failure is kept as long as
 * an answer: a server that is away is not asked by everybody who looks whether it is back.
 */
export function cached<T>(milliseconds: number, read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | null = null;
  let until = Infinity;
  return () => {
    if (answer === null || performance.now() > until) {
      until = Infinity; // until it is there, everybody waits for this one
      answer = read().finally(() => {
        until = performance.now() + milliseconds;
      });
      answer.catch(() => {});
    }
    return answer;
  };
}
