// Runs in the browser: plays the animation to given frames and measures joints and body.
import * as THREE from "three";
import { FBXLoader } from "three/addons/loaders/FBXLoader.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

function skinnedMeshes(root) {
  const found = [];
  root.traverse((object) => object.isSkinnedMesh && found.push(object));
  return found;
}

// Distance between a bone's first vertex, moved by the skin, and the joint that moves it.
function bodyError(meshes) {
  const vertex = new THREE.Vector3();
  const joint = new THREE.Vector3();
  let worst = 0;
  for (const mesh of meshes) {
    const { position, skinIndex } = mesh.geometry.attributes;
    for (let i = 0; i < position.count; i += 24) {
      mesh.localToWorld(mesh.getVertexPosition(i, vertex));
      mesh.skeleton.bones[skinIndex.getX(i)].getWorldPosition(joint);
      worst = Math.max(worst, vertex.distanceTo(joint));
    }
  }
  return worst;
}

function paintedShare(scene, centre) {
  const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(480, 480);
  document.body.append(renderer.domElement);
  const camera = new THREE.PerspectiveCamera(35, 1, 0.1, 100);
  camera.position.set(centre.x + 1.5, centre.y + 0.5, centre.z + 3);
  camera.lookAt(centre);
  scene.add(new THREE.HemisphereLight(0xffffff, 0x444444, 3));
  renderer.render(scene, camera);
  const gl = renderer.getContext();
  const pixels = new Uint8Array(480 * 480 * 4);
  gl.readPixels(0, 0, 480, 480, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  let painted = 0;
  for (let i = 0; i < pixels.length; i += 4) painted += pixels[i] + pixels[i + 2] > 20;
  return painted / (480 * 480);
}

async function load(format) {
  if (format === "glb") return new GLTFLoader().loadAsync("/motion");
  const scene = await new FBXLoader().loadAsync("/motion");
  scene.scale.setScalar(scene.userData.unitScaleFactor / 100); // to metres, which the loader leaves
  return { scene, animations: scene.animations };
}

const { scene, animations } = await load(location.search.slice(1));

// Joints and body at times in seconds.
window.inspect = (times) => {
  const meshes = skinnedMeshes(scene);
  const bones = [];
  scene.traverse((object) => object.isBone && bones.push(object));
  const mixer = new THREE.AnimationMixer(scene);
  const action = mixer.clipAction(animations[0]).setLoop(THREE.LoopOnce, 1);
  action.clampWhenFinished = true;
  action.play();
  const point = new THREE.Vector3();
  const positions = [];
  const body = [];
  for (const time of times) {
    mixer.setTime(time);
    scene.updateMatrixWorld(true);
    positions.push(bones.map((bone) => bone.getWorldPosition(point).toArray()));
    body.push(bodyError(meshes));
  }
  return {
    names: bones.map((bone) => bone.name),
    duration: animations[0].duration,
    positions,
    bodyError: Math.max(...body),
    painted: paintedShare(scene, bones[0].getWorldPosition(point)),
    notes: scene.userData,
    revision: THREE.REVISION,
  };
};
