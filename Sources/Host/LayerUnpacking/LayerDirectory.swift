import LinuxKernel

/// One directory of the layer being written, together with the same directory of the layers below it, as the overlay
/// shows them: the topmost entry of a name counts, a whiteout or an opaque directory ends the search.
final class LayerDirectory {
    /// In the layer being written.
    let upper: OwnedDescriptor
    /// In the layers below, topmost first; those hidden by a whiteout or an opaque directory are left out.
    let lowers: [OwnedDescriptor]

    init(upper: OwnedDescriptor, lowers: [OwnedDescriptor]) {
        self.upper = upper
        self.lowers = lowers
    }

    var descriptors: Int { lowers.count + 1 }

    static let opaqueAttribute: RawPath = "trusted.overlay.opaque"
    static let opaqueValue = UInt8(ascii: "y")

    enum Found {
        case missing
        /// `upper` is nil when only lower layers have it.
        case directory(upper: OwnedDescriptor?, lowers: [OwnedDescriptor])
        case link(RawPath)
        case other
    }

    /// What the merged view has under `name`, not following a link.
    func find(_ name: RawPath) throws(KernelError) -> Found {
        var upperDirectory: OwnedDescriptor?
        switch try Self.look(for: name, in: upper) {
        case .missing: break
        case .whiteout: return .missing
        case .other: return .other
        case .link(let target): return .link(target)
        case .directory(let found):
            upperDirectory = found
            if lowers.isEmpty { return .directory(upper: found, lowers: []) }
            if try Self.isOpaque(found) { return .directory(upper: found, lowers: []) }
        }
        return try findBelow(name, upper: upperDirectory)
    }

    private func findBelow(_ name: RawPath, upper: OwnedDescriptor?) throws(KernelError) -> Found {
        var below: [OwnedDescriptor] = []
        let nothingAbove = upper == nil
        search: for layer in lowers {
            let isFirst = nothingAbove && below.isEmpty
            switch try Self.look(for: name, in: layer) {
            case .missing: continue
            case .whiteout: break search
            case .other:
                if isFirst { return .other }
                break search
            case .link(let target):
                if isFirst { return .link(target) }
                break search
            case .directory(let found):
                below.append(found)
                if try Self.isOpaque(found) { break search }
            }
        }
        if nothingAbove && below.isEmpty { return .missing }
        return .directory(upper: upper, lowers: below)
    }

    /// What the layers below have under `name`: its status and the directory it is in. Nil for nothing and a whiteout.
    func lowerStatus(of name: RawPath) throws(KernelError) -> (status: FileStatus, directory: OwnedDescriptor)? {
        for layer in lowers {
            guard let status = try layer.statusIfExists(of: name) else { continue }
            return status.isWhiteout ? nil : (status, layer)
        }
        return nil
    }

    static func isOpaque(_ directory: OwnedDescriptor) throws(KernelError) -> Bool {
        try directory.attribute(opaqueAttribute, is: opaqueValue)
    }

    private enum Sight {
        case missing, whiteout, other
        case link(RawPath)
        case directory(OwnedDescriptor)
    }

    private static func look(for name: RawPath, in directory: OwnedDescriptor) throws(KernelError) -> Sight {
        guard let status = try directory.statusIfExists(of: name) else { return .missing }
        switch status.kind {
        case .directory: return .directory(try directory.open(name, [.directory, .noFollow]))
        case .link: return .link(try directory.linkTarget(name))
        default: return status.isWhiteout ? .whiteout : .other
        }
    }
}

extension FileStatus {
    /// The overlay's mark for "removed here": a character device 0:0.
    var isWhiteout: Bool { kind == .character && deviceMajor == 0 && deviceMinor == 0 }
}

extension OwnedDescriptor {
    /// Nil when there is no such name.
    func statusIfExists(of name: RawPath) throws(KernelError) -> FileStatus? {
        do throws(KernelError) {
            return try status(of: name)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }
}
