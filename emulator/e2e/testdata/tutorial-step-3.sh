# The tutorial's step 3. timeout stands for the reader's Ctrl-C where it waits for ever.
timeout 2 \
kubectl get pods -l leaderworkerset.sigs.k8s.io/name=sglang-tpu-cluster -w
timeout 2 \
kubectl logs -f -l leaderworkerset.sigs.k8s.io/name=sglang-tpu-cluster -c sglang-leader

kubectl port-forward svc/sglang-leader-tpu 8000:8000 &
PID=$!
sleep 5

# Send request
curl -X POST http://localhost:8000/generate \
  -H "Content-Type: application/json" \
  -d '{"text": "Hello, world!", "sampling_params": {"max_new_tokens": 10}}'

# Cleanup
kill $PID
