import ClusterAPI
import ClusterModel
import NIOCore

/// The body of an ATTACH_CONTAINER_INPUT: the container's name, then the input as it comes.
struct AttachRecords<Input: AsyncSequence & Sendable>: AsyncSequence, Sendable where Input.Element == ProcessIO {
    typealias Element = ByteBuffer
    let container: ContainerPath
    let input: Input
    let format: WireFormat

    func makeAsyncIterator() -> Iterator { Iterator(records: self) }

    struct Iterator: AsyncIteratorProtocol {
        let records: AttachRecords
        var input: Input.AsyncIterator?

        mutating func next() async throws -> ByteBuffer? {
            guard input != nil else {
                input = records.input.makeAsyncIterator()
                return ByteBuffer(bytes: AttachInput.container(records.container).record(records.format))
            }
            guard let io = try await input?.next() else { return nil }
            return ByteBuffer(bytes: AttachInput.io(io).record(records.format))
        }
    }
}
