// Asking again and again while a view is shown and somebody looks at the page.

/** Call an async function now and so many milliseconds after each end, until the signal aborts. */
export async function poll(signal, milliseconds, action) {
  while (!signal.aborted) {
    if (!document.hidden) await action();
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}
