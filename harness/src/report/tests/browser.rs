//! The page in a real browser, as people open it: from a file, without a network.

use std::process::Command;

use camino::Utf8Path;

use super::eventful;
use super::page::rotation;
use crate::report::html;

/// Names a browser of the Chromium family.
const BROWSER: &str = "HOLDFAST_BROWSER";

/// Opens the page without a window, and returns what the browser made of it.
fn opened(page: &str, folder: &Utf8Path, width: u32) -> String {
    let browser = std::env::var(BROWSER).expect("the path of a browser in HOLDFAST_BROWSER");
    let path = folder.join("report.html");
    std::fs::write(&path, page).unwrap();
    let ran = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--enable-logging=stderr"])
        .args([format!("--window-size={width},900"), format!("--user-data-dir={}", folder.join("profile"))])
        .arg(format!("file://{path}"))
        .output()
        .unwrap();
    let (dom, said) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
    assert!(!said.contains("CONSOLE"), "the page complains: {said}");
    dom.into_owned()
}

/// What stands between `before` and the next `after`, everywhere.
fn between<'a>(text: &'a str, before: &'a str, after: char) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

#[test]
#[ignore = "needs a browser, which HOLDFAST_BROWSER names"]
fn a_browser_finds_everything_that_the_page_speaks_of() {
    let folder = tempfile::tempdir().unwrap();
    let page = html(&eventful().report(), &[rotation()]).unwrap();
    let dom = opened(&page, Utf8Path::from_path(folder.path()).unwrap(), 1200);
    let targets = between(&dom, "href=\"#", '"');
    assert!(targets.len() > 3, "links within the page: {targets:?}");
    for target in targets {
        assert!(dom.contains(&format!("id=\"{target}\"")), "a link leads to #{target}, which is not there");
    }
    for pattern in between(&page, "url(#", ')') {
        assert!(dom.contains(&format!("id=\"{pattern}\"")), "bars are filled with #{pattern}, which is not there");
    }
    // What the parser had to put right is missing here or stands elsewhere.
    for part in ["<svg", "<figcaption>", "class=\"failed\"", "role=\"region\""] {
        assert_eq!(dom.matches(part).count(), page.matches(part).count(), "{part}");
    }
}
