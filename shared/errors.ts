/**
 * Every error that the program raises on purpose: one base class, a code from the class, whether a repeat can help, and a line that
 * says what to do.
 */

/** Exit codes of the command line. */
export const EXIT = { ok: 0, failed: 1, usage: 2, rejected: 3, differs: 4 } as const;

export class GlossierError extends Error {
  /** What to do about it, in one line; printed behind the message. */
  readonly hint: string | undefined;
  /** True where the same call may succeed later. */
  readonly retryable: boolean = false;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
  }

  get exitCode(): number {
    return EXIT.failed;
  }
}

/** The command line or a setting is wrong: exit 2. */
export class UsageError extends GlossierError {
  override get exitCode(): number {
    return EXIT.usage;
  }
}

/** A drop is refused as a whole before anything of it is published. */
export class DropError extends GlossierError {}

/** A server cannot be used as it is, and waiting will not help. */
export class ServiceError extends GlossierError {}

/** The topic and the positions in Postgres do not belong together; going on would lose or skip orders. */
export class TopicError extends GlossierError {}

/** Most orders are refused for one reason; going on would reject them all. */
export class RefusalsError extends GlossierError {}

/** Something that the program relies on was found untrue; the running transaction is given up. */
export class InvariantError extends GlossierError {}

/** The program was asked to stop and what it was doing is not finished. */
export class InterruptedError extends GlossierError {}

/** Progress stopped although both servers answer. */
export class StalledError extends GlossierError {}

/** Throws InterruptedError when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined, doing: string): void {
  if (signal?.aborted) throw new InterruptedError(`interrupted while ${doing}`, { cause: signal.reason });
}

/** The code that a foreign error carries (SQLSTATE, errno), if any. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/**
 * The message of anything thrown, on one line. Of an exception that somebody's trigger raises the words are not repeated: they quote the row as
 * often as not.
 */
export function oneLine(error: unknown): string {
  if (errorCode(error) === 'P0001')
    return "a trigger or function in the database raised an exception (P0001): its words are in the server's log";
  if (error instanceof AggregateError && error.errors.length > 0 && !error.message) return oneLine(error.errors[0]);
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
