//! The HTML report in a real browser: it draws, it says the decision under the pointer, it complains of nothing. Run by `.ci/run`, which
//! installs the browser; by hand: `cargo test --test it browser -- --ignored`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{hpasim, project, write};

/// What a person does with a report, and what it says then, as an attribute of the document.
const PERSON: &str = r#"<script>
addEventListener("load", () => setTimeout(async () => {
  const drawn = () => new Promise((done) => setTimeout(done, 50));
  const seen = [];
  for (const figure of hpasim.figures) {
    const { data, plots, readout } = figure, over = plots[0].over, box = over.getBoundingClientRect();
    const said = [];
    const decision = data.marks.findIndex((mark) => mark.scales);
    if (decision >= 0) {
      const x = box.left + plots[0].valToPos(data.marks[decision].at, "x"), y = box.top + 20;
      over.dispatchEvent(new MouseEvent("mouseenter", { clientX: x, clientY: y }));
      over.dispatchEvent(new MouseEvent("mousemove", { clientX: x, clientY: y, bubbles: true }));
      said.push(readout.textContent.includes(data.marks[decision].detail) ? "hover" : "HOVER: " + readout.textContent);
    }
    const press = (key) => figure.element.querySelector(".plots").dispatchEvent(new KeyboardEvent("keydown", { key }));
    const width = () => plots.map((plot) => plot.scales.x.max - plot.scales.x.min);
    const whole = width()[0];
    press("+");
    await drawn();
    said.push(width().every((one) => Math.abs(one - whole / 2) < 1) ? "zoom" : "ZOOM: " + width());
    press("0");
    await drawn();
    said.push(width().every((one) => one === whole) ? "all" : "ALL: " + width());
    if (data.marks.length > 1) {
      const before = readout.textContent;
      press("ArrowRight");
      said.push(readout.textContent !== before ? "keys" : "KEYS: " + before);
    }
    if (decision >= 0) {
      const pre = figure.element.querySelector(".derivation");
      while (figure.chosen > decision) press("ArrowLeft");
      while (figure.chosen < decision) press("ArrowRight");
      press("Enter");
      const text = pre.textContent;
      said.push(!pre.hidden && text.includes("=> ") && text.includes("Metric 1") && text.includes("Conditions") ? "derived" : "DERIVED: " + text);
      press("Escape");
      said.push(pre.hidden ? "closed" : "CLOSED");
    }
    said.push(document.documentElement.scrollWidth <= innerWidth ? "fits" : "WIDER: " + document.documentElement.scrollWidth);
    seen.push(`${plots.length} of ${data.panels.length}, ${said.join(", ")}`);
  }
  document.documentElement.dataset.seen = seen.join("; ");
}, 500));
</script></body>"#;

fn browser() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&paths).flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// The page as it is after a person has used it, at a width in pixels, and its picture.
fn used(browser: &Path, page: &Path, width: u32) -> String {
    let html = std::fs::read_to_string(page).unwrap();
    let with_person = page.with_file_name("used.html");
    write(&with_person, &html.replacen("</body>", PERSON, 1));
    let open = |page: &Path, more: &[&str]| {
        let output = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=8000"])
            .args(["--enable-logging=stderr", &format!("--window-size={width},1600")])
            .args(more)
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        let of_page: Vec<&str> = complaints.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(of_page.is_empty(), "{}: {of_page:#?}", page.display());
        String::from_utf8(output.stdout).unwrap()
    };
    let pictures = project("target/browser");
    std::fs::create_dir_all(&pictures).unwrap();
    let name = page.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    open(page, &[&format!("--screenshot={}/{name}-{width}.png", pictures.display())]);
    open(&with_person, &["--dump-dom"])
}

#[test]
#[ignore = "needs a browser"]
fn the_report_works_in_a_browser() {
    let Some(browser) = browser() else {
        let skipped = "SKIPPED: the HTML report is not looked at, since there is no chromium";
        writeln!(std::io::stderr(), "{skipped}").unwrap();
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).display().to_string();
    let k8s = "scenarios/rag-system/k8s";
    let workday = "scenarios/rag-system/traces/workday.csv";
    let runs = [
        ("workday", vec!["simulate", "-f", k8s, "--load", workday]),
        ("replay", vec!["replay", "--scenario", "lost-node", "--scenario", "2-high-load"]),
        ("shop", vec!["replay", "scenarios/shop"]),
    ];
    for (name, args) in runs {
        let directory = out(name);
        hpasim(&[&args[..], &["-o", &directory]].concat()).assert().success();
        let page = Path::new(&directory).join("report.html");
        let size = std::fs::metadata(&page).unwrap().len();
        assert!(size < 1_000_000, "{name}: {size} bytes");
        for width in [1280, 400] {
            let dom = used(&browser, &page, width);
            let seen = dom.split("data-seen=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            assert!(!seen.is_empty(), "{name}: the script did not come to its end");
            let figures: Vec<&str> = seen.split("; ").collect();
            for figure in &figures {
                assert!(figure.contains("zoom, all"), "{name} at {width}: {figure}");
                assert!(figure.ends_with("fits"), "{name} at {width}: {figure}");
                for wrong in ["HOVER", "KEYS", "DERIVED", "CLOSED"] {
                    assert!(!figure.contains(wrong), "{name} at {width}: {figure}");
                }
                let (drawn, of) = figure.split(',').next().and_then(|part| part.split_once(" of ")).unwrap();
                assert_eq!(drawn, of, "{name} at {width}");
            }
            assert!(
                figures.iter().any(|figure| figure.contains("hover") && figure.contains("derived")),
                "{name}: {seen}"
            );
        }
    }
}
