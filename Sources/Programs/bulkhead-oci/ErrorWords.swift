import Diagnostics

/// The words of strerror(3), in small letters as Go's runtimes say them: callers look for them, podman to tell 126 from
/// 127 and containerd to know that a process has gone, and find nothing in a name and a number.
enum ErrorWords {
    private static let words: [(number: Int32, words: String)] = [
        (1, "operation not permitted"), (2, "no such file or directory"), (3, "no such process"),
        (5, "input/output error"), (6, "no such device or address"), (7, "argument list too long"),
        (8, "exec format error"), (9, "bad file descriptor"), (10, "no child processes"),
        (11, "resource temporarily unavailable"), (12, "cannot allocate memory"), (13, "permission denied"),
        (15, "block device required"), (16, "device or resource busy"), (17, "file exists"),
        (18, "invalid cross-device link"), (19, "no such device"), (20, "not a directory"), (21, "is a directory"),
        (22, "invalid argument"), (23, "too many open files in system"), (24, "too many open files"),
        (26, "text file busy"), (27, "file too large"), (28, "no space left on device"),
        (30, "read-only file system"), (32, "broken pipe"), (34, "numerical result out of range"),
        (36, "file name too long"), (38, "function not implemented"), (39, "directory not empty"),
        (40, "too many levels of symbolic links"), (61, "no data available"),
        (75, "value too large for defined data type"), (95, "operation not supported"),
        (98, "address already in use"), (104, "connection reset by peer"), (107, "transport endpoint is not connected"),
        (110, "connection timed out"), (111, "connection refused"), (116, "stale file handle"),
        (122, "disk quota exceeded"),
    ]

    /// `text` with the words behind each `ENOENT (2)` of it.
    static func added(to text: String) -> String {
        var text = text
        for (number, words) in words {
            let name = ErrnoName.described(number)
            if text.contains(name) { text = text.replacing(name, with: "\(name): \(words)") }
        }
        return text
    }
}
