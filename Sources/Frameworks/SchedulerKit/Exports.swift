// One import is enough for a framework: these modules are part of what this one says.
@_exported public import ClusterAPI
@_exported public import ClusterClient
@_exported public import ClusterModel
@_exported public import Diagnostics
