// The log stays at its end while it grows, as long as its reader has not scrolled up.

const NEAR = 48; // pixels from the end that count as the end

export class Autoscroll {
  isAtEnd = true;
  #last = 0;

  /** `changed(isAtEnd)` is called when the reader leaves the end or comes back. */
  constructor(scroller, content, changed) {
    this.scroller = scroller;
    this.changed = changed;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const watch = new ResizeObserver(() => this.isAtEnd && this.#jump());
    watch.observe(scroller);
    watch.observe(content);
  }

  /** Go to the end and stay there. */
  toEnd() {
    this.#set(true);
    this.#jump();
  }

  /** Run a change above the reader's place, and keep what is read where it is. */
  keepPlace(change) {
    const below = this.scroller.scrollHeight - this.scroller.scrollTop;
    change();
    this.scroller.scrollTop = this.scroller.scrollHeight - below;
  }

  #jump() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#last = this.scroller.scrollTop;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.#set(true);
    else if (scrollTop < this.#last) this.#set(false);
    this.#last = scrollTop;
  }

  #set(isAtEnd) {
    if (this.isAtEnd === isAtEnd) return;
    this.isAtEnd = isAtEnd;
    this.changed(isAtEnd);
  }
}
