//! Lets the linker fold functions that came out alike, where the linker is known to be one that can.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    // Rust brings LLD with it for this system, and takes it.
    let brings_lld = is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_ENV", "gnu");
    if brings_lld && is("PROFILE", "release") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--icf=safe");
    }
}
