// What the script declares: settings with their sections (offrl_ui/setup/controls.py).

/** A value of a setting; several where an axis is open. */
export type Value = number | string | boolean | number[];

/** The setting of that name has one of these values. */
export type Condition = readonly [name: string, values: readonly Value[]];

export interface Item {
  name: string;
  /** Its name in links. */
  part?: string;
  /** What the link does to it that is open. */
  rule?: "" | "hide" | "fix";
  /** MathML. */
  symbol: string;
  label: string;
  /** Shown only while this holds. */
  needs?: Condition | null;
  value: Value;
  default: number | string | boolean;
  help: string;
  allowed: string;
  paper: string;
  /** Which way the policy was measured to become greedier; `effect.where` says under which choice, if not under all. */
  greedier: "" | "up" | "down" | null;
  effect?: { where?: Condition | null };
  /** What was measured to move with the value, in words. */
  measured?: string;
  low: number;
  high: number;
  choices: readonly string[];
  titles?: Record<string, string>;
  scale: "linear" | "log";
  integer: boolean;
  max_length?: number;
  /** Acts on the run at once. */
  live: boolean;
  /** Values beyond the range that have a name. */
  special?: Record<string, string> | null;
  /** May be opened into several values. */
  axis?: boolean;
}

export interface Section {
  id: string;
  title: string;
  items: readonly Item[];
  folded?: boolean;
  note?: string;
  /** Its live values act on the run. */
  run?: boolean;
}

export interface SettingsData {
  scope: string;
  seq: number;
  /** The run whose hyperparameters they are; null where they belong to no run. */
  run: string | null;
  lane: number;
  sections: readonly Section[];
  /** `section.name` → why its last value was not taken. */
  refused: Record<string, string>;
}
