// Numbers as they are written on screen: three significant digits, a real minus, powers of ten in full.

/** @type {Record<string, string>} */
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** Ten to the power of a whole number. @param {number} exponent */
export function power(exponent) {
  return `10${[...String(exponent)].map((digit) => SUPERSCRIPT[digit]).join("")}`;
}

/** Below it float32 loses one digit after the other: what is left is not a number to write down. */
export const LEAST = 2 ** -126;

/**
 * Three significant digits by default: 0.569, −12.3, 1 240, 3.14·10⁷; "–" where there is no number, "≈ 0" for what is
 * not zero but no larger than `rounding`. A power of ten as in `offrl_core/writing.py`: below 10⁻⁴, and beyond six
 * figures before the point.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 * @param {number} [rounding]
 * @returns {string}
 */
export function number(value, digits = 3, rounding = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < LEAST || size <= rounding) return "≈ 0";
  const sign = value < 0 ? "−" : "";
  const [mantissa, tens] = size.toExponential(digits - 1).split("e");
  const exponent = Number(tens);
  if (exponent < -4 || size >= 999999.5)
    return sign + (Number(mantissa) === 1 ? power(exponent) : `${mantissa}·${power(exponent)}`);
  if (exponent >= digits || Number.isInteger(size)) return sign + integer(size);
  const [whole, decimals] = size.toFixed(digits - 1 - exponent).split(".");
  return sign + integer(Number(whole)) + (decimals ? `.${decimals}` : "");
}

/**
 * The same without zeros at the end of its decimals: 0.5, 12, 2·10⁶.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function trimmed(value, digits = 4) {
  return number(value, digits)
    .replace(/(\.\d*?)0+(?=$|·)/, "$1")
    .replace(/\.(?=$|·)/, "");
}

/**
 * A setting as it was given: 0.3, 100, 1e-4.
 * @param {unknown} value
 */
export function setting(value) {
  return typeof value === "number" ? minus(String(+value.toPrecision(4))) : String(value);
}

/**
 * Thousands are set apart by a thin space.
 * @param {number} value
 * @returns {string}
 */
export function integer(value) {
  if (!Number.isFinite(value)) return number(value);
  return minus(String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u2009"));
}

/** @param {string} text */
function minus(text) {
  return text.replace("-", "−");
}

/** @param {number} value - a share, 0 to 1 */
export function percent(value) {
  if (!Number.isFinite(value)) return "–";
  return `${value >= 0.0995 || value === 0 ? Math.round(value * 100) : (value * 100).toPrecision(2)} %`;
}

/** The names of hyperparameters as they stand in the equations. @type {Record<string, string>} */
const SYMBOLS = {
  alpha: "α",
  beta: "β",
  gamma: "γ",
  delta: "δ",
  epsilon: "ε",
  varepsilon: "ε",
  zeta: "ζ",
  eta: "η",
  theta: "θ",
  iota: "ι",
  kappa: "κ",
  lambda: "λ",
  mu: "μ",
  nu: "ν",
  xi: "ξ",
  pi: "π",
  rho: "ρ",
  sigma: "σ",
  tau: "τ",
  upsilon: "υ",
  phi: "φ",
  varphi: "φ",
  chi: "χ",
  psi: "ψ",
  omega: "ω",
  Gamma: "Γ",
  Delta: "Δ",
  Theta: "Θ",
  Lambda: "Λ",
  Xi: "Ξ",
  Pi: "Π",
  Sigma: "Σ",
  Phi: "Φ",
  Psi: "Ψ",
  Omega: "Ω",
};

/**
 * A LaTeX symbol as plain text, for labels that are drawn and not typeset.
 * @param {string | null | undefined} latex
 * @param {string} [fallback]
 */
export function symbol(latex, fallback = "") {
  if (!latex) return fallback;
  const text = latex
    .replace(/\\(?:text|mathrm|mathbf|operatorname)\{([^}]*)\}/g, "$1")
    .replace(/\\([a-zA-Z]+)/g, (_, name) => SYMBOLS[name] ?? name)
    .replace(/[{}$\\]/g, "");
  return text || fallback;
}

/**
 * Ticks at round numbers: at most `count` of them inside [low, high].
 * @param {number} low
 * @param {number} high
 * @param {number} [count]
 */
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

/**
 * The next round number away from zero (1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten).
 * @param {number} value
 */
export function niceBeyond(value) {
  if (value === 0 || !Number.isFinite(value)) return value;
  const size = Math.abs(value);
  const magnitude = 10 ** Math.floor(Math.log10(size));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8].find((m) => m * magnitude >= size * (1 - 1e-9)) ?? 10;
  return Math.sign(value) * step * magnitude;
}
