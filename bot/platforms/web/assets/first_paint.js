// The chosen theme and language, before the first paint: a module would come after it.
(() => {
  const root = document.documentElement;
  let kept = {};
  try {
    kept = { theme: localStorage.getItem("theme"), language: localStorage.getItem("language") };
  } catch {
    // storage is closed: the system's choice stands
  }
  if (kept.theme === "light" || kept.theme === "dark") root.dataset.theme = kept.theme;
  const language = kept.language || navigator.language;
  root.lang = language.toLowerCase().startsWith("zh") ? "zh" : "en";
})();
