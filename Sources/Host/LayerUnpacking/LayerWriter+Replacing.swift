import LinuxKernel

extension LayerWriter {
    /// Makes something new under `name`. What stands there goes first, whatever it is: the last entry of a name wins,
    /// and an existing file is never opened, so nothing is written through a link.
    func replacing<Result>(
        _ name: RawPath, in parent: LayerView.Place, _ make: () throws(KernelError) -> Result
    ) throws(KernelError) -> Result {
        do throws(KernelError) {
            return try make()
        } catch {
            guard error.errno == Errno.exists else { throw error }
        }
        try clear(name, in: parent)
        return try make()
    }

    /// Removes `name`, a directory with all that is in it.
    func clear(_ name: RawPath, in parent: LayerView.Place) throws(KernelError) {
        let directory = parent.directory.upper
        view.forget(below: parent.path.count)
        if try directory.status(of: name).kind == .directory {
            try ReplacedTree.remove(name, from: directory)
        } else {
            try directory.unlink(name)
        }
    }

    /// A whiteout: hides what lower layers have under `name`. What this layer itself has there stays, in whatever
    /// order the two come.
    func hide(_ name: RawPath, in parent: LayerView.Place) throws {
        let upper = parent.directory.upper
        if let status = try upper.statusIfExists(of: name) {
            guard status.kind == .directory else { return }
            view.forget(below: parent.path.count)
            try view.hideLowers(try upper.open(name, [.directory, .noFollow]), of: parent.directory, name)
            return
        }
        if view.knowsLowers, try parent.directory.lowerStatus(of: name) == nil { return }
        try upper.makeNode(name, kind: .character, mode: 0)
        try upper.setModified(
            of: name, seconds: Timestamp.untold.seconds, nanoseconds: Timestamp.untold.nanoseconds)
    }

    /// An opaque whiteout: hides everything lower layers have in the directory. What this layer has there stays.
    func hideEverything(in parent: LayerView.Place) throws {
        if view.knowsLowers, parent.directory.lowers.isEmpty { return }
        view.forget(below: 0)
        try parent.directory.upper.setAttribute(LayerDirectory.opaqueAttribute, to: [LayerDirectory.opaqueValue])
    }
}
