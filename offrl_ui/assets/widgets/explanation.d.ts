// The answer to `explain`: one row of the data on its way through the next update (docs/protocol.md).

export interface Step {
  name: string;
  title: string;
  latex: string;
  value: number | number[];
}

export interface Explanation {
  /** The row's number; null where no row has this state and action. */
  row: number | null;
  rows: number;
  /** A number, or −1 where states are vectors. */
  state: number;
  action: number;
  reward: number;
  next_state: number;
  next_action: number | null;
  observation: number[] | null;
  next_observation: number[] | null;
  terminated: boolean;
  truncated: boolean;
  count: number;
  in_data: boolean;
  episode: { number: number; step: number; length: number } | null;
  /** The row's place among those with the same state and action. */
  pair: { at: number; of: number; previous: number | null; following: number | null } | null;
  steps: Step[];
}

/** How a state, an action or a vector is called; the shape of an observation that is an image. */
export interface Names {
  state: (state: number) => string;
  action: (action: number) => string;
  vector: (observation: number[]) => string;
  image: readonly [rows: number, cols: number] | null;
}
