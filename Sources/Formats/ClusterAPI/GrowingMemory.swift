/// Memory that documents are written to, which outgrows itself. Whoever writes keeps places in it and no pointers where
/// it may have grown in between.
final class GrowingMemory {
    private(set) var begin: UnsafeMutablePointer<UInt8>
    private(set) var capacity: Int

    init(capacity: Int) {
        begin = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    func grow(to newCapacity: Int, keeping count: Int) {
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
        larger.update(from: begin, count: count)
        begin.deallocate()
        begin = larger
        capacity = newCapacity
    }

    deinit { begin.deallocate() }
}
