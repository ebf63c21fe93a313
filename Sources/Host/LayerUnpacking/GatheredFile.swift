import LinuxKernel

/// A file written mostly from front to back, in large pieces. What is skipped is a hole.
final class GatheredFile {
    let file: OwnedDescriptor
    /// Offset of the first byte that is gathered and not written yet.
    private var start: Int64 = 0
    private var gathered: [UInt8] = []

    private static let pieceBytes = 1 << 20
    /// Gaps up to this long are filled with zeros instead of ending a piece.
    private static let fillBytes = 64 << 10

    init(_ file: OwnedDescriptor) {
        self.file = file
        gathered.reserveCapacity(Self.pieceBytes)
    }

    /// Where the next byte would go.
    var end: Int64 { start + Int64(gathered.count) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(KernelError) {
        let gap = offset - end
        if gap != 0 {
            // Only what this object wrote itself ends at `end`; before that, somebody else's bytes may stand.
            if gap > 0 && gap <= Self.fillBytes && !gathered.isEmpty {
                gathered += repeatElement(0, count: Int(gap))
            } else {
                try flush()
                start = offset
            }
        }
        if gathered.count + bytes.count > Self.pieceBytes { try flush() }
        if bytes.count >= Self.pieceBytes {
            try file.write(bytes, at: start)
            start += Int64(bytes.count)
        } else {
            gathered += bytes
        }
    }

    func write(_ bytes: [UInt8], at offset: Int64) throws(KernelError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(KernelError) in try write(buffer, at: offset) }
        }
        try result.get()
    }

    func flush() throws(KernelError) {
        if gathered.isEmpty { return }
        let result = gathered.withUnsafeBytes { buffer in
            Result { () throws(KernelError) in try file.write(buffer, at: start) }
        }
        try result.get()
        start += Int64(gathered.count)
        gathered.removeAll(keepingCapacity: true)
    }
}
