// A number with a slider beside it, as the sampling and beam panels show them.
import { element } from "./elements.js";
import { translate } from "./language.js";

let fields = 0;

/** Return a field and its inputs; `changed(value)` is called with a number, or null for an emptied one. */
export function numberField({ name, help, min, max, step, value }, changed = () => {}) {
  const id = `field-${(fields += 1)}`;
  const bounds = { min, max, step };
  const number = element("input", { type: "number", id, ...bounds, "aria-describedby": `${id}-help`, inputmode: "decimal" });
  const slider = element("input", { type: "range", ...bounds, "aria-label": translate("samplingSlider", { name }) });
  const show = (shown) => {
    const isNumber = shown !== null && shown !== undefined && Number.isFinite(Number(shown));
    number.value = isNumber ? shown : "";
    number.placeholder = isNumber ? "" : (shown ?? "");
    slider.value = isNumber ? shown : min;
  };
  show(value);
  slider.addEventListener("input", () => (number.value = slider.value));
  slider.addEventListener("change", () => changed(Number(slider.value)));
  number.addEventListener("input", () => number.value !== "" && (slider.value = number.value));
  number.addEventListener("change", () => number.reportValidity() && changed(number.value === "" ? null : Number(number.value)));
  const extra = element("div", { class: "extra" });
  const node = element(
    "div",
    { class: "field" },
    element("label", { for: id }, name),
    number,
    slider,
    element("p", { id: `${id}-help`, class: "help" }, help),
    extra,
  );
  return { node, number, slider, extra, show };
}
