// A Streamlit component as its module gets it (offrl_ui/shared/component.py): where to draw, what, and whom to tell.

export interface Component<Data> {
  parentElement: ParentNode & Node;
  data: Data & { assets: string };
  /** Told to the script once, and kept by it: a value. */
  setStateValue(name: string, value: unknown): void;
  /** Told to the script once: an event. */
  setTriggerValue(name: string, value: unknown): void;
}
