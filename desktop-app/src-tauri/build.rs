//! Reads the settings of the app, and writes down what its window may ask for.

use std::fs;
use std::path::Path;

/// What the window shows if its pages were not built: cargo alone builds no pages.
const UNBUILT: &str = "<!doctype html><title>Tidings</title><p>The pages of this app were not built: run npm ci and npm run build.</p>";

fn main() -> std::io::Result<()> {
    let pages = Path::new("../dist");
    if !pages.join("index.html").exists() {
        fs::create_dir_all(pages)?;
        fs::write(pages.join("index.html"), UNBUILT)?;
    }
    tauri_build::build();
    Ok(())
}
