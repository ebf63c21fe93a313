// swift-tools-version: 6.2
// The module graph, layer by layer, most pure first. What each layer may import is in Docs/ARCHITECTURE.md; TidyTests checks it.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

func module(_ layer: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", swiftSettings: swiftSettings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: "Sources/Programs/\(name)", swiftSettings: swiftSettings)
}

func systemLibrary(_ name: String, package: String, debian: String) -> Target {
    .systemLibrary(name: name, path: "Sources/Kernel/\(name)", pkgConfig: package, providers: [.apt([debian])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: swiftSettings)
}

let collections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

let package = Package(
    name: "bulkhead",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        // Vocabulary: values only
        module("Vocabulary", "Diagnostics"),
        module("Vocabulary", "Determinism"),
        module("Vocabulary", "ClusterModel", ["Determinism", "Diagnostics"]),

        // Formats: bytes <-> values, pure
        module("Formats", "OCIFormat", ["Diagnostics", collections, crypto]),
        module("Formats", "SeccompFormat", ["Diagnostics"]),
        module("Formats", "LaunchPlanning", ["Diagnostics", collections]),
        module("Formats", "ClusterAPI", ["ClusterModel", "Determinism", "Diagnostics"]),

        // Cores: decisions, pure
        module("Cores", "Allocation", ["ClusterModel", "Determinism", "Diagnostics"]),
        module("Cores", "Containers", ["Diagnostics", "LaunchPlanning"]),

        // Kernel: the only code that issues system calls
        .target(name: "CLinux", path: "Sources/Kernel/CLinux", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
        systemLibrary("CSeccomp", package: "libseccomp", debian: "libseccomp-dev"),
        systemLibrary("CArchive", package: "libarchive", debian: "libarchive-dev"),
        systemLibrary("CInflate", package: "libisal", debian: "libisal-dev"),
        systemLibrary("CZstandard", package: "libzstd", debian: "libzstd-dev"),
        module("Kernel", "LinuxKernel", ["CLinux", "Diagnostics"]),
        module("Kernel", "SeccompCompiler", ["CSeccomp", "LinuxKernel", "SeccompFormat", "Diagnostics"]),

        // Host: effects on one machine
        module("Host", "HostProbe", ["LinuxKernel", "Diagnostics"]),
        module("Host", "DurableStorage", ["LinuxKernel", "Diagnostics"]),
        module(
            "Host", "LayerUnpacking",
            ["CArchive", "CInflate", "CZstandard", "LinuxKernel", "SeccompCompiler", "SeccompFormat", "OCIFormat", "Diagnostics", crypto]),
        module("Host", "ImageStorage", ["LinuxKernel", "DurableStorage", "OCIFormat", "Diagnostics", collections]),
        module("Host", "Snapshots", ["LinuxKernel", "LaunchPlanning", "Diagnostics"]),
        module(
            "Host", "Isolation",
            ["LinuxKernel", "SeccompCompiler", "SeccompFormat", "HostProbe", "LaunchPlanning", "Containers", "Diagnostics"]),
        module(
            "Host", "NativeContainerizer",
            [
                "LinuxKernel", "HostProbe", "Isolation", "Snapshots", "ImageStorage", "DurableStorage", "OCIFormat",
                "LaunchPlanning", "Containers", "Diagnostics",
            ]),

        // Programs: wiring only
        program(
            "bulkhead",
            [
                "NativeContainerizer", "ImageStorage", "HostProbe", "Isolation", "LinuxKernel", "OCIFormat", "SeccompFormat",
                "LaunchPlanning", "Containers", "Diagnostics", arguments,
            ]),
        program("bulkhead-unpack", ["LayerUnpacking", "LinuxKernel", "Diagnostics"]),

        // Launcher: the static C program that becomes the container's first process. The Makefile links it with musl;
        // this target is the same code without main(), for tests and fuzzing.
        .target(
            name: "CLauncher", path: "Sources/Launcher", exclude: ["main.c"],
            cSettings: [.unsafeFlags(["-std=gnu17", "-Wall", "-Wextra"])]),

        // tests
        tests("DeterminismTests", ["Determinism"]),
        tests("AllocationTests", ["Allocation", "ClusterModel", "Determinism", "Diagnostics"]),
        tests("ClusterModelTests", ["ClusterModel", "Determinism", "Diagnostics"]),
        tests("ClusterAPITests", ["ClusterAPI", "ClusterModel", "Determinism", "Diagnostics"]),
        .executableTarget(
            name: "launch-benchmark",
            dependencies: ["NativeContainerizer", "HostProbe", "LinuxKernel", "Containers", "Diagnostics"],
            path: "Tests/Benchmarks/LaunchBenchmark", swiftSettings: swiftSettings),
        tests("ContainersTests", ["Containers"]),
        tests(
            "IsolationTests", ["Isolation", "HostProbe", "LaunchPlanning", "Containers", "Diagnostics"], exclude: ["Goldens"]),
        tests("TidyTests", []),
        .executableTarget(
            name: "launch-once",
            dependencies: ["NativeContainerizer", "HostProbe", "LinuxKernel", "Containers", "Diagnostics"],
            path: "Tests/LaunchOnce", swiftSettings: swiftSettings),
        tests(
            "KernelTests",
            [
                "NativeContainerizer", "Isolation", "HostProbe", "LinuxKernel", "LaunchPlanning", "Containers", "Diagnostics",
                "launch-once",
            ]),
        tests("LaunchPlanningTests", ["LaunchPlanning", "CLauncher", "Diagnostics", collections]),
        tests("LauncherTests", ["LaunchPlanning", "CLinux", "LinuxKernel", "Diagnostics", collections]),
        .target(
            name: "HostileArchives", dependencies: ["CInflate", "CZstandard"], path: "Tests/HostileArchives",
            swiftSettings: swiftSettings),
        tests(
            "LayerUnpackingTests",
            ["LayerUnpacking", "HostileArchives", "LinuxKernel", "OCIFormat", "Diagnostics", "bulkhead-unpack"]),
        tests(
            "CommandLineTests",
            [
                "bulkhead", "bulkhead-unpack", "NativeContainerizer", "ImageStorage", "HostileArchives", "LinuxKernel", "OCIFormat",
                "Containers", "Diagnostics", arguments,
            ]),
        tests("OCIFormatTests", ["OCIFormat", "Diagnostics", collections]),
        tests("DurableStorageTests", ["DurableStorage", "LinuxKernel", "Diagnostics"]),
        .executableTarget(
            name: "image-importer", dependencies: ["ImageStorage", "LinuxKernel"], path: "Tests/ImageImporter",
            swiftSettings: swiftSettings),
        tests(
            "ImageStorageTests",
            [
                "ImageStorage", "DurableStorage", "HostileArchives", "LinuxKernel", "OCIFormat", "Diagnostics",
                "image-importer",
                "bulkhead-unpack",
            ]),
        tests("SeccompFormatTests", ["SeccompFormat", "Diagnostics"]),
        tests("SeccompCompilerTests", ["SeccompCompiler", "SeccompFormat", "CSeccomp", "CLinux", "LinuxKernel", "Diagnostics"]),
    ]
)
