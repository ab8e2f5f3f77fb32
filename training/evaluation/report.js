(function () {
  "use strict";
  var judged = 0, right = 0;
  var score = document.getElementById("score");
  document.querySelectorAll(".pair").forEach(function (pair) {
    var buttons = pair.querySelectorAll("button");
    buttons.forEach(function (button, place) {
      button.addEventListener("click", function () {
        if (pair.dataset.judged) { return; }
        pair.dataset.judged = "yes";
        judged += 1;
        right += String(place) === pair.dataset.real ? 1 : 0;
        buttons.forEach(function (each, number) {
          var real = String(number) === pair.dataset.real;
          each.className = real ? "right" : "wrong";
          each.append("\n\u2014 " + (real ? "the person" : "the adapter"));
          each.disabled = true;
        });
        score.textContent = right + " of " + judged + " recognised.";
      });
    });
  });
})();
