//! The desktop app's process. On Linux it is the one in the tray, which starts the window's; elsewhere it is all of it.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

#[cfg(not(target_os = "linux"))]
#[path = "window/main.rs"]
mod window;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Write as _;

    let arguments = tidings_desktop::Arguments::read(std::env::args().skip(1));
    if arguments.version {
        return Ok(writeln!(std::io::stdout(), "tidings-desktop {}", env!("CARGO_PKG_VERSION"))?);
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("TIDINGS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    tidings_desktop::run(&arguments)
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    window::main()
}
