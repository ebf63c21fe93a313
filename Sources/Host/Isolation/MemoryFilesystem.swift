/// What a file system in memory may cost.
public enum MemoryFilesystem {
    /// However small it is.
    static let filesMin: UInt64 = 1_024
    /// Of kernel memory, that an empty file with its name takes, roughly.
    static let bytesPerFile: UInt64 = 1_024

    /// The tmpfs(5) options of one whose files hold at most `bytesMax` bytes. `size` counts content only, and without a
    /// number of files the kernel allows a file for every second page of the machine's memory: gigabytes of it, in
    /// names. With one, what names cost is no more than what content may.
    public static func limits(bytesMax: UInt64) -> [(key: String, value: String)] {
        [("size", "\(bytesMax)"), ("nr_inodes", "\(max(filesMin, bytesMax / bytesPerFile))")]
    }

    static func options(bytesMax: UInt64) -> [String] { limits(bytesMax: bytesMax).map { "\($0.key)=\($0.value)" } }
}
