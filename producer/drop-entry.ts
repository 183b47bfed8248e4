/** One file of a drop, whatever it lies in, and which names are such files. */
import { printable } from '../shared/printable.js';

export interface DropEntry {
  /** As the zip's directory or the folder has it, folders and all. */
  name: string;
  /** Unpacked; of a gzip file what it claims, until it has been checked. */
  bytes: number;
  /**
   * Reads it from its start. Its bytes are proven right when the iteration has ended without an error, not before.
   *
   * @throws DropError where the bytes are not what they should be
   */
  read(): AsyncGenerator<Buffer, void>;
}

/** Names of files with orders; not folders, dot files, nor what macOS adds. */
export function isWanted(name: string): boolean {
  const parts = name.split(/[/\\]/);
  return /\.(json|jsonl|ndjson)$/.test(name) && !parts[parts.length - 1].startsWith('.') && !parts.includes('__MACOSX');
}

/** The same of files by themselves, which may be packed by gzip. */
export function isWantedFile(name: string): boolean {
  return isWanted(isGzip(name) ? name.slice(0, -'.gz'.length) : name);
}

export function isGzip(name: string): boolean {
  return name.endsWith('.gz');
}

/** True where each line of the file is an order, by its name. */
export function isLines(name: string): boolean {
  return /\.(jsonl|ndjson)(\.gz)?$/.test(name);
}

/** A file's name as a message may show it: not endless. */
export function shownName(name: string): string {
  const shown = printable(name);
  return shown.length > 100 ? `${shown.slice(0, 99)}…` : shown;
}
