public import Diagnostics
public import OCIFormat

/// Users and groups by the accounts of an image or a container.
public enum Accounts {
    public static func resolve(
        _ spec: UserSpec, read: ([String], Int) throws(Failure) -> [[UInt8]?]
    ) throws(Failure) -> ResolvedUser {
        let limits = ImageLimits.standard
        let files = try read(["/etc/passwd", "/etc/group"], limits.accountFileBytes)
        return try AccountFiles(passwd: files[0], group: files[1], limits: limits).resolve(spec)
    }
}
