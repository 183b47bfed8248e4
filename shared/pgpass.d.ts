/** pgpass has no types of its own for the part that takes the file. */
declare module 'pgpass/lib/helper.js' {
  interface Wanted {
    host: string;
    port: number;
    database: string;
    user: string;
  }
  const helper: {
    /** Reads a password file to its first line that fits; the password, or undefined. */
    getPassword(wanted: Wanted, file: NodeJS.ReadableStream, done: (password: string | undefined) => void): void;
  };
  export default helper;
}
