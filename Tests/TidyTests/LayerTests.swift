import Foundation
import Testing

/// Docs/ARCHITECTURE.md, "Allowed imports", as a test.
@Suite("Layers")
struct LayerTests {
    /// What a module of each layer may import besides modules of its own layer and of the layers below.
    static let thirdParty: [String: Set<String>] = [
        "Vocabulary": ["OrderedCollections"],
        // Crypto only computes: a digest is part of a format.
        "Formats": ["OrderedCollections", "FoundationEssentials", "Crypto", "SwiftProtobuf"],
        "Cores": ["OrderedCollections"],
        "Kernel": ["Glibc", "Synchronization"],
        "Host": ["Crypto", "FoundationEssentials", "OrderedCollections", "Synchronization"],
        "Services": [
            "AsyncHTTPClient", "Atomics", "FoundationEssentials", "GRDB", "JWTKit", "Logging", "NIOConcurrencyHelpers",
            "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "OrderedCollections", "ServiceLifecycle", "Synchronization",
        ],
        "Frameworks": ["Logging", "OrderedCollections", "Synchronization"],
        // The containerizer for other modules' tests is asked from several tasks; the world itself has one thread.
        "Simulation": ["OrderedCollections", "Synchronization"],
        "Programs": [
            "ArgumentParser", "FoundationEssentials", "Logging", "NIOPosix", "OrderedCollections", "ServiceLifecycle",
            "Synchronization", "Yams",
        ],
    ]
    /// Layers a layer may import, itself included only where modules of it build on each other.
    static let below: [String: [String]] = [
        "Vocabulary": ["Vocabulary"],
        "Formats": ["Vocabulary", "Formats"],
        "Cores": ["Vocabulary", "Formats", "Cores"],
        "Kernel": ["Vocabulary", "Formats", "Kernel"],
        "Host": ["Vocabulary", "Formats", "Cores", "Kernel", "Host"],
        // Never Host: programs hand services what they need of the machine.
        "Services": ["Vocabulary", "Formats", "Cores", "Services"],
        "Frameworks": ["Vocabulary", "Formats", "Services"],
        "Simulation": ["Vocabulary", "Formats", "Cores"],
        "Programs": [
            "Vocabulary", "Formats", "Cores", "Kernel", "Host", "Services", "Frameworks", "Simulation", "Programs",
        ],
    ]
    static let modules: [String: Set<String>] = {
        var result: [String: Set<String>] = [:]
        for layer in below.keys {
            let names = try? FileManager.default.contentsOfDirectory(
                atPath: Repository.root.appending(path: "Sources/\(layer)").path)
            result[layer] = Set(names ?? [])
        }
        return result
    }()

    @Test("a module imports only its own layer's third parties and the layers below", arguments: Repository.swift)
    func imports(_ file: Repository.File) {
        let ours = (Self.below[file.layer] ?? []).reduce(into: Set<String>()) { $0.formUnion(Self.modules[$1] ?? []) }
        let allowed = ours.union(Self.thirdParty[file.layer] ?? []).union([file.module, "Swift"])
        let foreign = file.imports.subtracting(allowed)
        #expect(foreign.isEmpty, "\(file.path) imports \(foreign.sorted().joined(separator: ", "))")
    }

    @Test("decisions and formats import nothing that can do input or output", arguments: Repository.swift)
    func pure(_ file: Repository.File) {
        guard ["Vocabulary", "Formats", "Cores"].contains(file.layer) else { return }
        let impure: Set = ["Foundation", "Glibc", "Dispatch", "Logging", "LinuxKernel", "CLinux", "NIOCore"]
        #expect(file.imports.isDisjoint(with: impure))
    }

    @Test("only the Kernel layer imports the C library and the system-call shims", arguments: Repository.swift)
    func systemCalls(_ file: Repository.File) {
        guard file.layer != "Kernel" else { return }
        #expect(file.imports.isDisjoint(with: ["Glibc", "CLinux", "Musl"]), "\(file.path)")
    }

    @Test("there are modules in every layer that is checked")
    func layersExist() {
        for (layer, modules) in Self.modules { #expect(!modules.isEmpty, "Sources/\(layer) is empty") }
        #expect(Repository.swift.count > 100)
    }
}
