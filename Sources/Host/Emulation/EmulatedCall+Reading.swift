import LinuxKernel
import SeccompFormat

/// A call that was handed over, its arguments by their meaning. Pointers are addresses in the caller's memory.
enum ReadCall: Equatable {
    /// `directory` is a descriptor of the caller's; nil: its working directory.
    case makeNode(directory: Int32?, path: UInt64, mode: UInt32, number: UInt32)
    case systemInformation(address: UInt64)

    private static let workingDirectory: Int32 = -100  // AT_FDCWD

    /// Nil for a call that nobody should have handed over.
    init?(_ call: HandedCall) {
        guard call.architecture == FilterArchitecture.native.auditArchitecture, call.arguments.count == 6 else {
            return nil
        }
        let arguments = call.arguments
        func low(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: arguments[index]) }
        // Numbers of syscalls(2); mknod exists on x86-64 only.
        switch (FilterArchitecture.native, call.number) {
        case (.amd64, 99), (.arm64, 179): self = .systemInformation(address: arguments[0])
        case (.amd64, 133):
            self = .makeNode(directory: nil, path: arguments[0], mode: low(1), number: low(2))
        case (.amd64, 259), (.arm64, 33):
            let directory = Int32(bitPattern: low(0))
            self = .makeNode(
                directory: directory == Self.workingDirectory ? nil : directory, path: arguments[1], mode: low(2),
                number: low(3))
        default: return nil
        }
    }
}
