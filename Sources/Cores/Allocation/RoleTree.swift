import ClusterModel

/// The roles in use as a tree; each knows its children and its clients in the order of their shares.
struct RoleTree: Sendable {
    struct Node: Sendable {
        var name: RoleName
        var parent: Int
        var top: Int
        var weight = 1.0
        /// Of the role and all below it.
        var use = Use()
        /// Of the role's own frameworks only: they stand in line beside the roles below.
        var own = Use()
        /// Children with active clients, first in line first.
        var children: [Int] = []
        /// Active clients, first in line first.
        var clients: [Int] = []
        /// Active clients here and below.
        var active = 0
        /// Clients, active or not, and child nodes: it stays as long as there are any.
        var references = 0
        /// The cycle in which quota was found to leave its own clients nothing.
        var exhaustedIn: UInt64 = 0
    }
    /// The first is the root, which is no role.
    private(set) var nodes: [Node] = [Node(name: .anyone, parent: -1, top: -1)]
    private var indices: [RoleName: Int] = [:]
    private var unused: [Int] = []
    private(set) var deepNodes = 0
    private var knownOrder: [Int]?

    subscript(_ index: Int) -> Node {
        get { nodes[index] }
        _modify { yield &nodes[index] }
    }

    func index(of role: RoleName) -> Int? { indices[role] }

    mutating func insert(_ role: RoleName, parent: Int, top: Int, weight: Double) -> Int {
        let node = Node(name: role, parent: parent, top: top, weight: weight)
        let index: Int
        if let free = unused.popLast() {
            nodes[free] = node
            index = free
        } else {
            nodes.append(node)
            index = nodes.count - 1
        }
        indices[role] = index
        nodes[parent].references += 1
        if parent != 0 { deepNodes += 1 }
        return index
    }

    /// Removes a node nothing refers to; answers its parent.
    mutating func remove(_ index: Int) -> Int {
        let parent = nodes[index].parent
        indices[nodes[index].name] = nil
        nodes[parent].references -= 1
        if parent != 0 { deepNodes -= 1 }
        unused.append(index)
        return parent
    }

    func precedes(_ left: Int, _ right: Int) -> Bool {
        precedes(nodes[left].use, nodes[left].name, nodes[right])
    }

    private func precedes(_ use: Use, _ name: RoleName, _ other: Node) -> Bool {
        if use.share != other.use.share { return use.share < other.use.share }
        if use.offers != other.use.offers { return use.offers < other.use.offers }
        return name < other.name
    }

    /// Puts `index` where its share now belongs among its siblings.
    mutating func reposition(_ index: Int) {
        let parent = nodes[index].parent
        guard let old = nodes[parent].children.firstIndex(of: index) else { return }
        nodes[parent].children.remove(at: old)
        place(index)
    }

    private mutating func place(_ index: Int) {
        knownOrder = nil
        let parent = nodes[index].parent
        var low = 0
        var high = nodes[parent].children.count
        while low < high {
            let middle = (low + high) / 2
            if precedes(nodes[parent].children[middle], index) { low = middle + 1 } else { high = middle }
        }
        nodes[parent].children.insert(index, at: low)
    }

    /// One more or one fewer active client in `start` and above.
    mutating func countActive(_ start: Int, by change: Int) {
        knownOrder = nil
        var index = start
        while index > 0 {
            let before = nodes[index].active
            nodes[index].active += change
            if before == 0 { place(index) }
            if nodes[index].active == 0 { nodes[nodes[index].parent].children.removeAll { $0 == index } }
            index = nodes[index].parent
        }
    }

    mutating func sortAllChildren() {
        knownOrder = nil
        for parent in nodes.indices where nodes[parent].children.count > 1 {
            let sorted = nodes[parent].children.sorted { precedes($0, $1) }
            nodes[parent].children = sorted
        }
    }

    /// Every role with active clients of its own, first in line first.
    mutating func order() -> [Int] {
        if deepNodes == 0 { return nodes[0].children }
        if let known = knownOrder { return known }
        var result: [Int] = []
        result.reserveCapacity(nodes.count)
        visit(0, into: &result)
        knownOrder = result
        return result
    }

    /// Somebody's place may have changed.
    mutating func orderIsStale() { knownOrder = nil }

    /// Recursion is as deep as `RoleName.componentsMax`.
    private func visit(_ index: Int, into result: inout [Int]) {
        let node = nodes[index]
        var ownIsDue = !node.clients.isEmpty
        for child in node.children {
            if ownIsDue, precedes(node.own, node.name, nodes[child]) {
                result.append(index)
                ownIsDue = false
            }
            visit(child, into: &result)
        }
        if ownIsDue { result.append(index) }
    }
}
