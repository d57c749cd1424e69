// Numbers as they are written on screen: three significant digits, a real minus, powers of ten in full.

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export function power(exponent) {
  return "10" + [...String(exponent)].map((digit) => SUPERSCRIPT[digit]).join("");
}

// Three significant digits by default: 0.569, −12.3, 1 240, 3.1·10⁷; "–" where there is no number.
export function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(Math.max(digits - 2, 0)).split("e");
    if (Number(mantissa) === 1) return power(Number(exponent));
    return `${minus(mantissa)}·${power(Number(exponent))}`;
  }
  if (Number.isInteger(value)) return integer(value);
  const text = value.toPrecision(digits);
  return minus(size >= 1000 ? integer(Math.round(value)) : text);
}

/**
 * The same without zeros at the end of its decimals: 0.5, 12, 2·10⁶.
 *
 * @param {number | null | undefined} value
 */
export function trimmed(value, digits = 4) {
  return number(value, digits).replace(/(\.\d*?)0+(?=$|·)/, "$1").replace(/\.(?=$|·)/, "");
}

// A setting as it was given: 0.3, 100, 1e-4.
export function plain(value) {
  return typeof value === "number" ? minus(String(+value.toPrecision(4))) : String(value);
}

// Thousands are set apart by a thin space.
export function integer(value) {
  if (!Number.isFinite(value)) return number(value);
  return minus(String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u2009"));
}

function minus(text) {
  return text.replace("-", "−");
}

export function percent(value) {
  if (!Number.isFinite(value)) return "–";
  return `${value >= 0.0995 || value === 0 ? Math.round(value * 100) : (value * 100).toPrecision(2)} %`;
}

// The names of hyperparameters as they stand in the equations.
const SYMBOLS = {
  rho: "ρ",
  alpha: "α",
  beta: "β",
  gamma: "γ",
  tau: "τ",
  lambda: "λ",
  eta: "η",
  epsilon: "ε",
  theta: "θ",
  pi: "π",
  mu: "μ",
  sigma: "σ",
  kappa: "κ",
};

// A LaTeX symbol as plain text, for labels that are drawn and not typeset.
export function symbol(latex, fallback = "") {
  if (!latex) return fallback;
  const text = latex
    .replace(/\\(?:text|mathrm|mathbf|operatorname)\{([^}]*)\}/g, "$1")
    .replace(/\\([a-zA-Z]+)/g, (all, name) => SYMBOLS[name] ?? name)
    .replace(/[{}$\\]/g, "");
  return text || fallback;
}

// Ticks at round numbers: at most `count` of them inside [low, high].
export function niceTicks(low, high, count = 5) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const raw = span / count;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * magnitude).find((s) => s >= raw * 0.999) ?? 10 * magnitude;
  const ticks = [];
  // Adding 0 makes 0 of −0.
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step + 0);
  return ticks;
}

// The next round number away from zero (1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten).
export function niceBeyond(value) {
  if (value === 0 || !Number.isFinite(value)) return value;
  const size = Math.abs(value);
  const magnitude = 10 ** Math.floor(Math.log10(size));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((m) => m * magnitude >= size * (1 - 1e-9));
  return Math.sign(value) * step * magnitude;
}
