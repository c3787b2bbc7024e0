//! Writes the Kotlin, Swift and Python layers from the library's own description of itself. A crate of its own, so that
//! the generator is no part of what is shipped.

fn main() {
    uniffi::uniffi_bindgen_main();
}
