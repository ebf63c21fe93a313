import COpenPGP

/// Bytes that librnp reads; it has a copy of them.
final class LibraryInput {
    let handle: OpaquePointer

    init(_ content: [UInt8]) throws(MessageFault) {
        let handle = content.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var handle: OpaquePointer?
            return rnp_input_from_memory(&handle, bytes.baseAddress, bytes.count, true) == 0 ? handle : nil
        }
        guard let handle else { throw MessageFault("librnp has no memory for it") }
        self.handle = handle
    }

    deinit { rnp_input_destroy(handle) }
}
