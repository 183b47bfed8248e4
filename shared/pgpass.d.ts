/** pgpass has no types of its own for the part that takes the file. */
declare module 'pgpass/lib/helper.js' {
  interface Wanted {
    host: string;
    port: number;
    database: string;
    user: string;
  }
  /** Reads a password file to its first line that fits; the password, or undefined. */
  export function getPassword(wanted: Wanted, file: NodeJS.ReadableStream, done: (password: string | undefined) => void): void;
}
