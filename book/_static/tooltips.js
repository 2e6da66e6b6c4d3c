// Escape hides the definition of a term until pointer or focus comes back to it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const term of document.querySelectorAll(".term:is(:hover, :focus-within)")) {
    term.classList.add("dismissed");
    for (const leaving of ["mouseleave", "focusout"]) {
      term.addEventListener(leaving, () => term.classList.remove("dismissed"), { once: true });
    }
  }
});
