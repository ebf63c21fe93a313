extension TreeRemoval {
    /// Removes the tree at an absolute path of our own; its parent is opened by the ordinary rules. A path that is not
    /// there is fine.
    public static func remove(_ path: String) throws(KernelError) {
        guard let slash = path.lastPosition(of: "/") else {
            throw KernelError(call: "remove", on: path, errno: Errno.invalid)
        }
        let parent: OwnedDescriptor
        do throws(KernelError) {
            parent = try OwnedDescriptor.open(RawPath(String(path[..<slash])), [.directory])
        } catch {
            if error.errno == Errno.noEntry { return }
            throw error
        }
        try remove(RawPath(String(path[path.utf8.index(after: slash)...])), in: parent)
    }
}
