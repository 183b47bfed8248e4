/** How a setting is declared. */

type Kind = 'text' | 'list' | 'integer' | 'bytes' | 'seconds' | 'choice' | 'boolean';

export interface Declaration {
  /** Environment variable. */
  env: string;
  /** Long flag without dashes. */
  flag: string;
  kind: Kind;
  /** As a person would write it; undefined where there is none. */
  fallback?: string;
  min?: number;
  max?: number;
  choices?: readonly string[];
  /** True for what must never be printed. */
  secret?: boolean;
  help: string;
}
