/// Paths as users write them.
public enum HostPath {
    /// Relative ones are the caller's: what is kept must not depend on where a program was started.
    public static func absolute(_ path: String, in directory: String) -> String {
        if path.begins(with: "/") { return path }
        return directory == "/" ? "/\(path)" : "\(directory)/\(path)"
    }
}
