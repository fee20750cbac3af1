"""Rules about WasmPlugins and TrafficExtensions."""

KINDS = ("WasmPlugin", "TrafficExtension")
