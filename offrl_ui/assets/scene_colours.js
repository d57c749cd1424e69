// Colours by role: a role looks the same in every picture of every page.

const FAMILY_LIGHT = ["#0072b2", "#c2410c", "#0f8a6b", "#9333a8", "#a16207", "#0e7490", "#be185d", "#4b5563"];
const FAMILY_DARK = ["#63b3ed", "#fb9a5c", "#4fd1a9", "#d69be6", "#e3c34a", "#67d6ea", "#f58ab8", "#b3bcc8"];

export function rolesOf(theme) {
  const { dark, actions } = theme;
  const family = dark ? FAMILY_DARK : FAMILY_LIGHT;
  return {
    ...Object.fromEntries(actions.map((colour, i) => [`a${i + 1}`, colour])),
    ...Object.fromEntries(family.map((colour, i) => [`c${i + 1}`, colour])),
    learned: dark ? "#8ea6ff" : "#3457d5",
    truth: theme.text,
    behavior: dark ? "#c9b48f" : "#7c6238",
    data: dark ? "#4fd1a9" : "#0f8a6b",
    missing: dark ? "#fb9a5c" : "#c2410c",
    good: dark ? "#4fd1a9" : "#0a7a5c",
    bad: dark ? "#ff8f6b" : "#b93815",
    muted: theme.muted,
  };
}
