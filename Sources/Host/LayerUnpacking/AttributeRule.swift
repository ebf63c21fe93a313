/// Which extended attributes of an archive reach the file system.
enum AttributeRule {
    /// `trusted.*` and `user.overlay.*` are the overlay's own language: an image that could write it could uncover or
    /// redirect files. `security.*` belongs to the host's security modules; only file capabilities are the image's.
    /// `system.*` is kept for access-control lists alone.
    static func isKept(_ name: [UInt8]) -> Bool {
        if name.starts(with: Array("user.overlay.".utf8)) { return false }
        if name.starts(with: Array("user.".utf8)) { return name.count > 5 }
        return kept.contains { name.elementsEqual($0.utf8) }
    }

    private static let kept = [
        "security.capability", "system.posix_acl_access", "system.posix_acl_default",
    ]

    /// Where each kind of file can carry attributes at all: the kernel refuses `user.*` on links and fifos.
    static let nameBytesMax = 255
}
