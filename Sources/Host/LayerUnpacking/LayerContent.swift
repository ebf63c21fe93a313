import LinuxKernel

/// Where the bytes of a layer's regular files go: one file after another, each begun, written from front to back, and
/// ended.
protocol LayerContent: AnyObject {
    /// `file` was just made, has this inode number and is empty; it will hold `size` bytes.
    func begin(_ file: OwnedDescriptor, inode: UInt64, size: Int64) throws(KernelError)
    /// `offset` is not before the end of what was written so far; what is left out reads as zeros.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(KernelError)
    func end() throws(KernelError)
    /// The file that was ended last was given extended attributes.
    func noteAttributes()
}

/// Into the files themselves.
final class FileContent: LayerContent {
    private var file: OwnedDescriptor?
    private var size: Int64 = 0
    private var written: Int64 = 0

    func begin(_ file: OwnedDescriptor, inode: UInt64, size: Int64) {
        self.file = file
        self.size = size
        written = 0
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(KernelError) {
        try file?.write(bytes, at: offset)
        written = offset + Int64(bytes.count)
    }

    func end() throws(KernelError) {
        // What follows the last bytes is a hole of a sparse file.
        if written != size { try file?.truncate(to: size) }
        file = nil
    }

    func noteAttributes() {}
}
