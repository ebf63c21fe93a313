import LinuxKernel

/// Where a user is at home by the account file of a root file system, passwd(5). The file is the image's: it is found
/// without leaving the root, and believed only as a text for an environment variable.
enum HomeDirectory {
    private static let fileBytesMax = 1 << 20

    static func find(_ uid: UInt32, root: String) -> String {
        let text: String
        do throws(KernelError) {
            let place = try OwnedDescriptor.open(RawPath(root), [.path, .directory])
            let bytes = try place.openRegular("etc/passwd").readAll(limit: fileBytesMax)
            text = String(decoding: bytes, as: UTF8.self)
        } catch { return "/" }
        for line in text.cut(at: "\n") {
            let fields = line.cut(at: ":", omittingEmptySubsequences: false)
            if fields.count > 5, UInt32(fields[2]) == uid, fields[5].begins(with: "/") { return String(fields[5]) }
        }
        return "/"
    }
}
