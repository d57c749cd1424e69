// What an element is described by: its tag, its properties, its children.

export type Tags = HTMLElementTagNameMap & Omit<SVGElementTagNameMap, keyof HTMLElementTagNameMap>;

type Nothing = null | undefined | false;
type Value = string | number | boolean | Nothing;

type Events<T> = {
  [K in keyof HTMLElementEventMap as `on${K}`]?:
    | ((event: HTMLElementEventMap[K] & { readonly currentTarget: T }) => void)
    | Nothing;
};

type Attributes = {
  [name in
    | "checked"
    | "class"
    | "clip-path"
    | "cx"
    | "cy"
    | "d"
    | "disabled"
    | "dy"
    | "fill"
    | "for"
    | "height"
    | "hidden"
    | "href"
    | "id"
    | "indeterminate"
    | "inputmode"
    | "list"
    | "max"
    | "maxlength"
    | "min"
    | "multiple"
    | "name"
    | "open"
    | "placeholder"
    | "autocomplete"
    | "spellcheck"
    | "r"
    | "readonly"
    | "role"
    | "rx"
    | "scope"
    | "selected"
    | "size"
    | "step"
    | "stroke"
    | "stroke-dasharray"
    | "stroke-width"
    | "style"
    | "tabindex"
    | "text-anchor"
    | "title"
    | "download"
    | "transform"
    | "font-size"
    | "type"
    | "value"
    | "viewBox"
    | "width"
    | "x"
    | "x1"
    | "x2"
    | "y"
    | "y1"
    | "y2"
    | `aria-${string}`
    | `data-${string}`]?: Value;
};

export type Properties<T = Element> = Events<T> &
  Attributes & {
    /** Tells elements of one parent apart, so that each survives a change of their order. */
    key?: string | null;
    /** Markup that the server or this program wrote; never a viewer's text. */
    html?: string | null;
    /** Called with the element whenever it has been drawn; its children are then its own affair. */
    draw?: (element: T) => void;
  };

/** An element that `patch` draws. */
export interface Description {
  tag: string;
  props: Properties<never>;
  children: (Description | string)[];
}

/** What may stand in an element; nothing at all is left out, and lists may lie in lists. */
export type Child = Description | string | number | Nothing | readonly Child[];
