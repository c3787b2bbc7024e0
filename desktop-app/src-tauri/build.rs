//! Reads the settings of the app, and makes the pictures of the tray as the bus carries them.

use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// What the window shows if its pages were not built: cargo alone builds no pages.
const UNBUILT: &str = "<!doctype html><title>Tidings</title><p>The pages of this app were not built: run npm ci and npm run build.</p>";

fn main() -> io::Result<()> {
    let pages = Path::new("../dist");
    if !pages.join("index.html").exists() {
        fs::create_dir_all(pages)?;
        fs::write(pages.join("index.html"), UNBUILT)?;
    }
    for name in ["tray", "tray-unread"] {
        picture(name)?;
    }
    tauri_build::build();
    Ok(())
}

/// A picture as `StatusNotifierItem` has it: for each pixel alpha, red, green, blue.
fn picture(name: &str) -> io::Result<()> {
    let file = Path::new("icons").join(name).with_extension("png");
    println!("cargo::rerun-if-changed={}", file.display());
    let mut reader = png::Decoder::new(BufReader::new(fs::File::open(file)?)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or(io::ErrorKind::InvalidData)?];
    let frame = reader.next_frame(&mut pixels)?;
    if frame.color_type != png::ColorType::Rgba || (frame.width, frame.height) != (64, 64) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} is not 64 × 64 with alpha")));
    }
    for pixel in pixels.chunks_exact_mut(4) {
        pixel.rotate_right(1);
    }
    let made = PathBuf::from(std::env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    fs::write(made.join(name).with_extension("argb"), pixels)
}
