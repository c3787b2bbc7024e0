//! What shows the pages. On Linux it is a program of its own, which the app starts when the window is asked for; its calls
//! go to the app over the socket that it was given as its input. Elsewhere a browser is part of the system and costs
//! nothing while no page is shown: there it is the whole app.

#[cfg(target_os = "linux")]
mod far;
#[cfg(not(target_os = "linux"))]
mod tray;
mod view;
#[cfg(not(target_os = "linux"))]
mod whole;

use std::error::Error;

use tidings_desktop::Arguments;
use tracing_subscriber::EnvFilter;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read(std::env::args().skip(1));
    let filter = EnvFilter::try_from_env("TIDINGS_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    #[cfg(target_os = "linux")]
    return far::run(arguments.made_up);
    #[cfg(not(target_os = "linux"))]
    return whole::run(&arguments);
}
