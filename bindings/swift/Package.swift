// swift-tools-version: 6.0
// `scripts/bindings swift` writes Sources/Tidings/Generated and Tidings.xcframework first; neither is committed.
import PackageDescription

// Apple's systems take the static library out of the XCFramework; a test on Linux links the shared one.
#if os(Linux)
let library = Target.systemLibrary(name: "tidings_ffiFFI", path: "Generated/tidings_ffiFFI")
let linked: [LinkerSetting] = []
#else
let library = Target.binaryTarget(name: "tidings_ffiFFI", path: "Tidings.xcframework")
let linked: [LinkerSetting] = [.linkedFramework("Security"), .linkedFramework("CoreFoundation")]
#endif

let package = Package(
    name: "Tidings",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "Tidings", targets: ["Tidings"]),
    ],
    targets: [
        library,
        .target(name: "Tidings", dependencies: ["tidings_ffiFFI"], linkerSettings: linked),
        .testTarget(name: "TidingsTests", dependencies: ["Tidings"]),
    ]
)
