import LinuxKernel

/// Layers of a test's own, as the store has them unpacked.
final class LayerTree {
    let path: String
    let root: OwnedDescriptor
    private let name: RawPath
    private let parent: OwnedDescriptor
    private(set) var layers: [String] = []

    init() throws {
        parent = try OwnedDescriptor.open("/var/tmp", [.directory])
        var number = UInt32.random(in: 0...UInt32.max)
        while try parent.exists(RawPath("bulkhead-layers-\(number)")) { number = UInt32.random(in: 0...UInt32.max) }
        name = RawPath("bulkhead-layers-\(number)")
        try parent.makeDirectory(name, mode: 0o700)
        root = try parent.open(name, [.directory])
        path = "/var/tmp/\(name)"
    }

    deinit {
        do { try TreeRemoval.remove(name, in: parent) } catch { print("left behind: \(path): \(error)") }
    }

    /// Puts another layer on top.
    func addLayer() throws -> OwnedDescriptor {
        let name = RawPath("layer-\(layers.count)")
        layers.append("\(path)/\(name)")
        try root.makeDirectory(name, mode: 0o755)
        return try root.open(name, [.directory])
    }
}

extension OwnedDescriptor {
    /// The directory `name`, made where there is none.
    func directory(_ name: RawPath) throws(KernelError) -> OwnedDescriptor {
        if !(try exists(name)) { try makeDirectory(name, mode: 0o755) }
        return try open(name, [.directory, .noFollow])
    }

    func file(_ name: RawPath, _ text: String) throws(KernelError) {
        try open(name, [.writeOnly, .create, .exclusive], mode: 0o644).write(text)
    }

    func whiteout(_ name: RawPath) throws(KernelError) { try makeNode(name, kind: .character, mode: 0) }

    func makeOpaque() throws(KernelError) { try setAttribute("trusted.overlay.opaque", to: [UInt8(ascii: "y")]) }
}
