// swift-tools-version: 6.0
// `scripts/bindings swift` writes Sources/Tidings/Generated and Tidings.xcframework first; neither is committed.
import PackageDescription

let package = Package(
    name: "Tidings",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "Tidings", targets: ["Tidings"]),
    ],
    targets: [
        .binaryTarget(name: "tidings_ffiFFI", path: "Tidings.xcframework"),
        .target(
            name: "Tidings",
            dependencies: ["tidings_ffiFFI"],
            // What the static library needs of the system.
            linkerSettings: [.linkedFramework("Security"), .linkedFramework("CoreFoundation")]
        ),
        .testTarget(name: "TidingsTests", dependencies: ["Tidings"]),
    ]
)
