// swift-tools-version: 6.2
// The module graph, layer by layer, most pure first. What each layer may import is in Docs/ARCHITECTURE.md; TidyTests checks it.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// What `bulkhead-oci` is made of beside what frameworks import, which may have no flags of their own. It lives for a
/// millisecond, of which the Swift runtime spent a sixth on looking up by name the types that generic code is used with.
/// Each function is a section of its own there, so that the linker can put them in another order.
let startedOften: Set<String> = [
    "RuntimeSpec", "LaunchPlanning", "SeccompFormat", "LinuxKernel", "SeccompCompiler", "Emulation", "Bundles", "bulkhead-oci",
]
func settings(_ name: String) -> [SwiftSetting] {
    guard startedOften.contains(name) else { return swiftSettings }
    return swiftSettings + [
        .unsafeFlags(
            ["-disable-concrete-type-metadata-mangled-name-accessors", "-function-sections"].flatMap { ["-Xfrontend", $0] },
            .when(configuration: .release))
    ]
}

func module(
    _ layer: String, _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", exclude: exclude,
        swiftSettings: settings(name))
}

/// How a program is linked for release (decision 0094): relocations in a hundredth of their space, done before the first
/// line runs and read-only from then on; no tables of names that nobody looks up; libgcc inside, and libstdc++ where the
/// Makefile has put an archive of it.
let linkedForRelease: [LinkerSetting] = [
    .unsafeFlags(
        ["-use-ld=lld", "-Xclang-linker", "-static-libgcc", "-L\(Context.packageDirectory)/.build/static"]
            + ["-z", "pack-relative-relocs", "-z", "now", "--no-export-dynamic"].flatMap { ["-Xlinker", $0] },
        .when(configuration: .release))
]

/// Without any shared library, and the functions that its commands are in side by side (decision 0169).
func linkedAlone(order: String) -> [LinkerSetting] {
    let list = "--symbol-ordering-file=\(Context.packageDirectory)/Sources/Packaging/\(order)"
    return [
        .unsafeFlags(
            ["-static-executable", "-use-ld=lld"]
                + [list, "--no-warn-symbol-ordering", "--no-mmap-output-file"].flatMap { ["-Xlinker", $0] },
            .when(configuration: .release))
    ]
}

func program(
    _ name: String, _ dependencies: [Target.Dependency], linking: [LinkerSetting] = linkedForRelease
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Sources/Programs/\(name)", swiftSettings: settings(name),
        linkerSettings: linking)
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
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let database = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nio: [Target.Dependency] = ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") }
let scriptedChannels = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let tls = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")

let package = Package(
    name: "bulkhead",
    products: [
        // For frameworks: one import of SchedulerKit brings the others along.
        .library(name: "SchedulerKit", targets: ["SchedulerKit"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Vocabulary: values only
        module("Vocabulary", "Diagnostics"),
        module("Vocabulary", "Determinism", ["Diagnostics"]),
        module("Vocabulary", "ClusterModel", ["Determinism", "Diagnostics"]),

        // Formats: bytes <-> values, pure
        module("Formats", "JSONFormat"),
        module("Formats", "OCIFormat", ["JSONFormat", "Diagnostics", collections, crypto]),
        module("Formats", "TrustFormat", ["OCIFormat", "Diagnostics", crypto]),
        module("Formats", "SeccompFormat", ["JSONFormat", "Diagnostics"]),
        module("Formats", "ErofsFormat", ["Diagnostics"]),
        module("Formats", "LaunchPlanning", ["Diagnostics", collections]),
        module("Formats", "ProbeFormat", ["AuditFormat", "SeccompFormat", "Diagnostics"]),
        module("Formats", "AuditFormat", ["Diagnostics", "JSONFormat", crypto]),
        module("Formats", "InventoryFormat", ["AuditFormat", "OCIFormat", "Diagnostics"]),
        module("Formats", "NetworkFormat", ["Diagnostics"]),
        module("Formats", "RuntimeSpec", ["JSONFormat", "Diagnostics", collections]),
        // Protocol: the .proto files that two of its sources are generated from
        module("Formats", "ClusterAPI", ["ClusterModel", "Determinism", "Diagnostics", "JSONFormat", protobuf], exclude: ["Protocol"]),

        // Cores: decisions, pure
        module("Cores", "Allocation", ["ClusterModel", "Determinism", "Diagnostics"]),
        module("Cores", "Authorization", ["ClusterAPI", "Diagnostics"]),
        module("Cores", "Containers", ["Diagnostics", "LaunchPlanning", "NetworkFormat", "SeccompFormat"]),
        module("Cores", "Auditing", ["AuditFormat", "Diagnostics"]),
        module("Cores", "Coordination", ["ClusterModel", "ClusterAPI", "Determinism", "Diagnostics", collections]),
        module(
            "Cores", "AgentCore",
            ["Containers", "NetworkFormat", "SeccompFormat", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", "LaunchPlanning", collections]),
        module(
            "Cores", "MasterCore",
            ["Allocation", "Authorization", "Coordination", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", collections]),

        // Kernel: the only code that issues system calls
        .target(name: "CLinux", path: "Sources/Kernel/CLinux", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
        systemLibrary("CSeccomp", package: "libseccomp", debian: "libseccomp-dev"),
        systemLibrary("CArchive", package: "libarchive", debian: "libarchive-dev"),
        systemLibrary("CInflate", package: "libisal", debian: "libisal-dev"),
        systemLibrary("CZstandard", package: "libzstd", debian: "libzstd-dev"),
        systemLibrary("CCryptography", package: "libcrypto", debian: "libssl-dev"),
        systemLibrary("COpenPGP", package: "librnp", debian: "librnp-dev"),
        // libnftables is loaded when it is first needed; only its header is needed here.
        .target(
            name: "CNftables", path: "Sources/Kernel/CNftables", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
        module("Kernel", "LinuxKernel", ["CLinux", "Diagnostics"]),
        module("Kernel", "Waiting", ["LinuxKernel", "Diagnostics"]),
        module("Kernel", "Netlink", ["LinuxKernel", "NetworkFormat"]),
        module("Kernel", "Nftables", ["CNftables", "Diagnostics"]),
        module("Kernel", "SeccompCompiler", ["CSeccomp", "LinuxKernel", "SeccompFormat", "Diagnostics"]),

        // Host: effects on one machine
        module("Host", "HostProbe", ["LinuxKernel", "Diagnostics"]),
        // Beside what starts containers, so that every start is accounted for.
        module("Host", "AuditTrail", ["LinuxKernel", "AuditFormat", "Diagnostics"]),
        module("Host", "DurableStorage", ["LinuxKernel", "Determinism", "Diagnostics"]),
        module(
            "Host", "LayerUnpacking",
            ["CArchive", "CInflate", "CZstandard", "LinuxKernel", "SeccompCompiler", "SeccompFormat", "ErofsFormat", "OCIFormat", "Diagnostics", crypto]),
        // The library of the confined verifier: what only bulkhead-verify loads.
        module(
            "Host", "SignatureVerification",
            ["CCryptography", "COpenPGP", "CInflate", "LinuxKernel", "SeccompCompiler", "SeccompFormat", "TrustFormat", "OCIFormat", "Diagnostics"]),
        module("Host", "ImageStorage", ["LinuxKernel", "DurableStorage", "TrustFormat", "OCIFormat", "Diagnostics", collections]),
        module("Host", "Snapshots", ["LinuxKernel", "ErofsFormat", "LaunchPlanning", "Diagnostics"]),
        module(
            "Host", "Networking",
            ["Netlink", "Nftables", "LinuxKernel", "NetworkFormat", "JSONFormat", "OCIFormat", "Containers", "Diagnostics", collections]),
        module(
            "Host", "Isolation",
            ["Networking", "LinuxKernel", "SeccompCompiler", "SeccompFormat", "HostProbe", "LaunchPlanning", "Containers", "Diagnostics"]),
        // Answers calls that a filter hands over: the supervisor's work, and how it gets its listeners.
        module("Host", "Emulation", ["LinuxKernel", "LaunchPlanning", "SeccompFormat", "Diagnostics"]),
        // Bundles of the OCI runtime specification, for bulkhead-oci.
        module(
            "Host", "Bundles",
            [
                "Emulation", "LinuxKernel", "Netlink", "SeccompCompiler", "SeccompFormat", "RuntimeSpec", "LaunchPlanning", "Diagnostics",
                collections,
            ]),
        // What every containerizer does alike: image and launch put together, waits and events, sessions.
        module("Host", "Containerizing", ["Waiting", "LinuxKernel", "OCIFormat", "Containers", "Diagnostics"]),
        module(
            "Host", "NativeContainerizer",
            [
                "AuditTrail", "Networking", "NetworkFormat", "Waiting", "LinuxKernel", "HostProbe", "Containerizing", "Isolation", "Snapshots", "ImageStorage", "DurableStorage", "JSONFormat", "OCIFormat", "TrustFormat",
                "Emulation", "LaunchPlanning", "SeccompFormat", "Containers", "Diagnostics",
            ]),

        // What an audit reads from the kernel. Effects only: rules are Auditing's.
        module(
            "Host", "Observation",
            [
                "NativeContainerizer", "Networking", "Netlink", "HostProbe", "LinuxKernel", "AuditTrail", "Auditing", "AuditFormat", "InventoryFormat", "SeccompFormat",
                "LaunchPlanning", "Containers", "Diagnostics", crypto,
            ]),
        module("Host", "OCIRuntimeContainerizer", ["NativeContainerizer", "Containerizing", "Isolation", "HostProbe", "Snapshots", "LinuxKernel", "OCIFormat", "LaunchPlanning", "Containers", "Diagnostics"]),
        module("Host", "DockerContainerizer", ["Waiting", "Containerizing", "ImageStorage", "LinuxKernel", "OCIFormat", "Containers", "Diagnostics"]),
        // What an agent does on its machine for tasks beside running them: sandboxes, fetching, probing, collecting garbage.
        module("Host", "TaskFiles", ["Waiting", "LinuxKernel", "DurableStorage", "HostProbe", "OCIFormat", "AgentCore", "Containers", "ClusterModel", "Determinism", "Diagnostics", crypto]),

        // Services: long-running shells; run effects, never decide
        module("Services", "HTTPServing", ["ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", logging, jwt, tls] + nio),
        module("Services", "ClusterClient", ["ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", logging, tls, httpClient] + nio),
        module("Services", "MasterService", ["HTTPServing", "MasterCore", "Coordination", "Authorization", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", logging, database] + nio),
        module("Services", "AgentService", ["HTTPServing", "AgentCore", "Auditing", "AuditFormat", "Authorization", "Containers", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", "NetworkFormat", logging, httpClient, tls] + nio),

        // Frameworks: schedulers built on ClusterClient only
        module("Frameworks", "SchedulerKit", ["ClusterClient", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", logging, collections]),

        // Simulation: the same cores in a world that a seed reproduces
        module("Simulation", "Simulation", ["MasterCore", "AgentCore", "Allocation", "Coordination", "Containers", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", collections]),

        // Programs: wiring only
        module("Programs", "CommandOutput", ["LinuxKernel", "Containers", "Diagnostics", arguments]),
        // How both programs that audit show their reports.
        module("Programs", "AuditOutput", ["AuditFormat", "CommandOutput", "LinuxKernel", "Diagnostics", arguments]),
        program(
            "bulkhead",
            [
                "Networking", "NetworkFormat", "NativeContainerizer", "Containerizing", "ImageStorage", "HostProbe", "Isolation", "LinuxKernel", "OCIFormat", "TrustFormat", "SeccompFormat",
                "LaunchPlanning", "Containers", "Diagnostics", "CommandOutput", arguments,
            ]),
        // Apart from bulkhead, which executes it for the cluster's commands, so that starting a container loads no server.
        program(
            "bulkhead-cluster",
            [
                "MasterService", "AgentService", "HTTPServing", "ClusterClient", "SchedulerKit", "Simulation", "MasterCore",
                "AuditFormat", "Auditing", "AuditOutput", "AuditTrail",
                "AgentCore", "ClusterAPI", "ClusterModel", "Determinism", "NativeContainerizer", "Containerizing", "Coordination", "OCIRuntimeContainerizer",
                "DockerContainerizer", "TaskFiles", "ImageStorage", "DurableStorage", "HostProbe", "Isolation", "Waiting", "LinuxKernel",
                "OCIFormat", "Containers", "Diagnostics", "CommandOutput", "Allocation", "Authorization", arguments, yaml, logging,
            ]),
        // Apart from bulkhead too, which executes it for `audit`.
        program(
            "bulkhead-audit",
            [
                "Observation", "AuditTrail", "AuditFormat", "InventoryFormat", "TrustFormat", "Auditing", "ProbeFormat", "SeccompFormat", "SeccompCompiler", "NativeContainerizer",
                "Containerizing", "ImageStorage", "OCIFormat", "HostProbe", "LinuxKernel",
                "LaunchPlanning", "Containers", "Diagnostics", "CommandOutput", "AuditOutput", arguments,
            ]),
        // A framework in one file, as Docs/Reference/SchedulerKit.md shows it.
        program("example-framework", ["SchedulerKit", arguments]),
        // The command line of OCI runtimes. No argument parser and, released, no shared library: it starts in half the time
        // (Docs/Performance.md).
        program(
            "bulkhead-oci", ["Bundles", "RuntimeSpec", "LinuxKernel", "LaunchPlanning", "Diagnostics"],
            linking: linkedAlone(order: "bulkhead-oci.order")),
        program("bulkhead-emulate", ["Emulation", "LinuxKernel", "Diagnostics"]),
        program("bulkhead-unpack", ["LayerUnpacking", "LinuxKernel", "Diagnostics"]),
        program("bulkhead-verify", ["SignatureVerification", "LinuxKernel"]),

        // Launcher: the static C program that becomes the container's first process. The Makefile links it with musl;
        // this target is the same code without main(), for tests and fuzzing.
        .target(
            name: "CLauncher", path: "Sources/Launcher", exclude: ["main.c"],
            cSettings: [.unsafeFlags(["-std=gnu17", "-Wall", "-Wextra"])]),

        // tests
        tests("DeterminismTests", ["Determinism"]),
        tests("AuthorizationTests", ["Authorization", "Diagnostics"]),
        tests(
            "MasterCoreTests",
            [
                "MasterCore", "Authorization", "Allocation", "Coordination", "ClusterAPI", "ClusterModel", "Determinism",
                "Diagnostics",
            ]),
        tests("SimulationTests", ["Simulation"], exclude: ["regressions.txt"]),
        .executableTarget(
            name: "play-seeds", dependencies: ["Simulation"], path: "Tests/SeedPlayer", swiftSettings: swiftSettings),
        tests("CoordinationTests", ["Coordination", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics"]),
        tests("AllocationTests", ["Allocation", "ClusterModel", "Determinism", "Diagnostics"]),
        tests("ClusterModelTests", ["ClusterModel", "Determinism", "Diagnostics"]),
        tests("ClusterAPITests", ["ClusterAPI", "ClusterModel", "Determinism", "Diagnostics"], exclude: ["Goldens"]),
        .executableTarget(
            name: "launch-benchmark",
            dependencies: ["NativeContainerizer", "HostProbe", "LinuxKernel", "Containers", "Diagnostics"],
            path: "Tests/Benchmarks/LaunchBenchmark", swiftSettings: swiftSettings),
        .executableTarget(
            name: "state-benchmark", dependencies: ["ClusterAPI", "ClusterModel", "Determinism", "Diagnostics"],
            path: "Tests/Benchmarks/StateBenchmark", swiftSettings: swiftSettings),
        .executableTarget(
            name: "master-benchmark",
            dependencies: ["MasterCore", "Coordination", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics"],
            path: "Tests/Benchmarks/MasterBenchmark", swiftSettings: swiftSettings),
        .executableTarget(
            name: "allocation-benchmark", dependencies: ["Allocation", "ClusterModel", "Determinism", "Diagnostics"],
            path: "Tests/Benchmarks/AllocationBenchmark", swiftSettings: swiftSettings,
            linkerSettings: [.linkedLibrary("m")]),
        tests("ContainersTests", ["Containers"]),
        tests("NetworkFormatTests", ["NetworkFormat"]),
        tests(
            "AgentCoreTests",
            ["AgentCore", "Containers", "NetworkFormat", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", collections]),
        tests(
            "IsolationTests",
            ["Isolation", "HostProbe", "LinuxKernel", "SeccompFormat", "LaunchPlanning", "Containers", "Diagnostics"], exclude: ["Goldens"]),
        tests(
            "MasterServiceTests",
            [
                "RawHTTP", "MasterService", "AgentService", "HTTPServing", "MasterCore", "Coordination", "Authorization", "ClusterAPI", "ClusterModel",
                "Determinism", "Diagnostics", logging, database, httpClient,
            ] + nio, exclude: ["Goldens"]),
        // Connections that send exactly what a test says.
        .target(
            name: "RawHTTP", dependencies: [tls] + nio, path: "Tests/RawHTTP", swiftSettings: swiftSettings),
        tests("HTTPServingTests", ["RawHTTP", "HTTPServing", "LayerUnpacking", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", logging, tls, scriptedChannels] + nio),
        tests("ClusterClientTests", ["ClusterClient", "ClusterAPI", "ClusterModel", "Determinism", "Diagnostics", logging, tls] + nio),
        tests("SchedulerKitTests", ["SchedulerKit", "example-framework", "MasterService", "HTTPServing", "Coordination", "Determinism", logging, arguments, httpClient] + nio),
        tests("TidyTests", []),
        .executableTarget(
            name: "launch-once",
            dependencies: ["NativeContainerizer", "HostProbe", "LinuxKernel", "Containers", "Diagnostics"],
            path: "Tests/LaunchOnce", swiftSettings: swiftSettings),
        tests(
            "KernelTests",
            [
                "Observation", "Auditing", "AuditFormat", "AuditTrail",
                "ImageStorage", "Networking", "Netlink", "Nftables", "NetworkFormat", "NativeContainerizer", "Isolation", "HostProbe", "LinuxKernel", "LaunchPlanning", "Containers",
                "Snapshots", "ProbeFormat", "SeccompFormat", "SeccompCompiler", "Diagnostics",
                "launch-once", "bulkhead-emulate",
            ]),
        tests(
            "ContractTests",
            [
                "NativeContainerizer", "Containerizing", "OCIRuntimeContainerizer", "DockerContainerizer", "Simulation",
                "ImageStorage", "HostProbe", "Waiting", "LinuxKernel", "OCIFormat", "Containers", "Determinism", "Diagnostics",
                "bulkhead-unpack",
            ], exclude: ["Goldens"]),
        tests("DockerContainerizerTests", ["DockerContainerizer", "Containerizing", "HTTPServing", "LinuxKernel", "OCIFormat", "Containers", "Diagnostics", logging]),
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
                "bulkhead", "bulkhead-unpack", "bulkhead-audit", "NativeContainerizer", "Containerizing", "ImageStorage", "HostileArchives", "LinuxKernel", "OCIFormat",
                "Containers", "Diagnostics", "CommandOutput", arguments,
            ], exclude: ["Readers"]),
        tests(
            "ClusterCommandTests",
            ["bulkhead-cluster", "ClusterClient", "ClusterModel", "Determinism", "LinuxKernel", "Diagnostics", "CommandOutput", arguments]),
        tests("ErofsFormatTests", ["ErofsFormat", "Diagnostics"]),
        tests("JSONFormatTests", ["JSONFormat"]),
        tests(
            "InventoryFormatTests", ["InventoryFormat", "AuditFormat", "OCIFormat", "Diagnostics"],
            exclude: ["Goldens"]),
        tests("AuditFormatTests", ["AuditFormat", "Diagnostics"]),
        tests("AuditTrailTests", ["AuditTrail", "AuditFormat", "LinuxKernel", "Diagnostics"]),
        tests("AuditingTests", ["Auditing", "AuditFormat"]),
        tests("ObservationTests", ["Observation", "InventoryFormat", "LinuxKernel", "Diagnostics"]),
        tests("RuntimeSpecTests", ["RuntimeSpec", "Diagnostics"]),
        tests("OCICommandTests", ["bulkhead-oci", "Bundles", "RuntimeSpec", "LinuxKernel", "Diagnostics", collections]),
        tests("SignatureVerificationTests", ["ImageStorage", "TrustFormat", "LinuxKernel", "Diagnostics", "bulkhead-verify"]),
        tests("TrustFormatTests", ["TrustFormat", "OCIFormat", "Diagnostics", crypto]),
        tests("OCIFormatTests", ["OCIFormat", "Diagnostics", collections]),
        tests(
            "AgentServiceTests",
            [
                "AgentService", "HTTPServing", "AgentCore", "Authorization", "Containers", "ClusterAPI", "ClusterModel",
                "Containerizing", "Determinism", "Diagnostics", "Waiting", "LinuxKernel", "RawHTTP", logging, httpClient,
            ] + nio),
        tests("ClusterTests", ["AuditFormat", "AuditTrail", "example-framework", "ClusterClient", "ClusterAPI", "ClusterModel", "Containers", "Determinism", "LinuxKernel", "Diagnostics", httpClient] + nio, exclude: ["Clients"]),
        tests("TaskFilesTests", ["TaskFiles", "DurableStorage", "HostProbe", "LinuxKernel", "AgentCore", "ClusterModel", "Determinism", "Diagnostics", "bulkhead-unpack", crypto]),
        tests("DurableStorageTests", ["DurableStorage", "LinuxKernel", "Determinism", "Diagnostics"]),
        .executableTarget(
            name: "image-importer", dependencies: ["ImageStorage", "LinuxKernel"], path: "Tests/ImageImporter",
            swiftSettings: swiftSettings),
        tests(
            "ImageStorageTests",
            [
                "ImageStorage", "DurableStorage", "HostileArchives", "LinuxKernel", "OCIFormat", "TrustFormat", "Diagnostics", crypto,
                "image-importer",
                "bulkhead-unpack",
            ]),
        tests("ProbeFormatTests", ["ProbeFormat", "AuditFormat", "SeccompFormat", "Diagnostics"]),
        tests("EmulationTests", ["Emulation", "LinuxKernel", "LaunchPlanning", "SeccompFormat", "Diagnostics"]),
        tests("SeccompFormatTests", ["SeccompFormat", "Diagnostics"]),
        tests("SeccompCompilerTests", ["SeccompCompiler", "SeccompFormat", "CSeccomp", "CLinux", "LinuxKernel", "Diagnostics"]),
    ]
)

// Tests/FuzzTests/run builds this with a sanitizer that brings main() along; without it there would be none.
if Context.environment["BULKHEAD_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "wire-fuzzer", dependencies: ["ClusterAPI", "Diagnostics"], path: "Tests/FuzzTests/Wire",
            swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library", "-sanitize=fuzzer"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]))
}
