"""Rules about WasmPlugins and TrafficExtensions."""
