package sgljax

import (
	"errors"
	"fmt"

	"sglang-tpu/emulator/internal/guests/hub"
)

// devicesPerChip is the number of JAX devices of a tpu7x chip.
const devicesPerChip = 2

// checkShape compares the flags with the number of JAX devices on all hosts. Source:
// scheduler.py (create_device_mesh), jax/_src/mesh_utils.py, model_config.py.
func checkShape(a arguments, devices int) error {
	world, dp := a.number("--tp-size", 1), a.number("--dp-size", 1)
	if dp == 0 {
		return errors.New("ZeroDivisionError: integer division or modulo by zero")
	}
	tp := world / dp
	if dp*tp != devices {
		return fmt.Errorf("ValueError: Number of devices %d must equal the product of mesh_shape (%d, %d)", devices, dp, tp)
	}
	if r, ok := hub.Lookup(a["--model-path"]); ok && r.Heads%tp != 0 {
		return fmt.Errorf("AssertionError: Number of attention heads (%d) must be divisible by tensor parallel size (%d). Got remainder: %d", r.Heads, tp, r.Heads%tp)
	}
	return nil
}

// checkPools implements the scheduler's checks after the weights are loaded. Source:
// model_runner_kv_cache_mixin.py (_init_kv_cache_dtype), tp_worker.py.
func checkPools(a arguments) error {
	if dtype := a.text("--kv-cache-dtype"); dtype != "auto" && dtype != "bf16" {
		return fmt.Errorf("ValueError: Unsupported kv_cache_dtype: %s.", dtype)
	}
	dp := a.number("--dp-size", 1)
	if requests, given := a["--max-running-requests"]; given && a.number("--max-running-requests", 0) < dp {
		return fmt.Errorf("ValueError: max_running_requests (%s) is less than dp_size (%d). Please increase memory allocation or reduce dp_size.", requests, dp)
	}
	return nil
}
