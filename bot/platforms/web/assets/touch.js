// Swiping with a finger: to the left comes the next answer, to the right the one before.

const FAR = 60; // pixels
const STRAIGHT = 2; // times further to the side than up or down

/** Call `swiped(1)` or `swiped(-1)` for a finger that moves to the side over a node. */
export function swipeOnTouch(node, swiped) {
  let start = null;
  node.addEventListener("touchstart", ({ touches }) => (start = touches.length === 1 ? touches[0] : null), { passive: true });
  node.addEventListener(
    "touchend",
    ({ changedTouches: [end] }) => {
      if (!start || !end || isScrollable(start.target, node)) return;
      const across = end.clientX - start.clientX;
      const along = Math.abs(end.clientY - start.clientY);
      if (Math.abs(across) > Math.max(FAR, along * STRAIGHT)) swiped(across < 0 ? 1 : -1);
    },
    { passive: true },
  );
}

/** Return whether a finger scrolls code or a table to the side instead. */
function isScrollable(target, node) {
  for (let each = target; each && each !== node; each = each.parentElement) {
    if (each.scrollWidth > each.clientWidth + 1 && each.matches("pre, .table")) return true;
  }
  return false;
}
